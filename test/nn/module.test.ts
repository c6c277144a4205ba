/** What flaxen's modules do on their own: naming, sharing, methods, bind, sow, and life with jit and grad. */
import { describe, expect, it, vi } from 'vitest';
import { errors, grad, jit, nn, np, type Tensor } from 'flaxen';
import { MLP, MLP_BN } from './models.js';
import { key, ones, shapes, tensor } from './support.js';

const x = ones(2, 3);
const dense = (features: number) => nn.Dense({ features });

describe('names', () => {
  it('follow construction, and count made but unused instances', () => {
    const M = nn.module('M', () => (v: Tensor) => {
      const [, second] = [dense(2), dense(3)];
      return second(v);
    });
    expect(shapes(M().init(key(0), x))).toEqual({ params: { Dense_1: { kernel: [3, 3], bias: [3] } } });
  });

  it('go on from configure to the forward function', () => {
    const M = nn.module('M', () => {
      const first = dense(2);
      return (v: Tensor) => dense(4)(first(v));
    });
    expect(Object.keys(M().init(key(0), x).params)).toEqual(['Dense_0', 'Dense_1']);
  });

  it('an instance from outside belongs to the first module that calls it', () => {
    const shared = dense(3);
    const Inner = nn.module('Inner', () => (v: Tensor) => shared(v));
    const M = nn.module('M', () => (v: Tensor) => shared(Inner()(v)));
    const m = M();
    const variables = m.init(key(0), x);
    expect(shapes(variables)).toEqual({ params: { Inner_0: { Dense_0: { kernel: [3, 3], bias: [3] } } } });
    expect(m.apply(variables, x).shape).toEqual([2, 3]);
    expect(m.init(key(0), x).params.Inner_0.Dense_0.kernel.toArray()).toEqual(variables.params.Inner_0.Dense_0.kernel.toArray());
  });

  it('an instance in a configuration is named after its field, with index or key, unless it has a name', () => {
    type Layer = (v: Tensor) => Tensor;
    interface Config {
      body: readonly Layer[];
      heads: Record<string, Layer>;
      last: Layer;
    }
    const M = nn.module('M', ({ body, heads, last }: Config) => (v: Tensor) => {
      for (const layer of body) v = layer(v);
      return last(np.add(heads.a!(v), heads.b!(v)));
    });
    const m = M({ body: [dense(2), nn.relu, dense(2)], heads: { a: dense(2), b: dense(2) }, last: nn.Dense({ features: 1, name: 'out' }) });
    expect(Object.keys(m.init(key(0), x).params).sort()).toEqual(['body_0', 'body_2', 'heads_a', 'heads_b', 'out']);
    expect(Object.keys(nn.Sequential({ layers: [dense(2), nn.relu, dense(1)] }).init(key(0), x).params)).toEqual(['layers_0', 'layers_2']);
  });

  it('of objects such as "constructor" are names like others', () => {
    const M = nn.module('M', () => (v: Tensor) => nn.Dense({ features: 2, name: 'constructor' })(v));
    expect(shapes(M().init(key(0), x))).toEqual({ params: { constructor: { kernel: [3, 2], bias: [2] } } });
    expect(() => M().apply({ params: {} }, x)).toThrow(errors.ScopeCollectionNotFound);
  });
});

describe('sharing', () => {
  it('a block that is called twice finds its own submodules again', () => {
    const Block = nn.module('Block', () => (v: Tensor) => {
      v = nn.relu(dense(3)(v));
      return dense(3)(v);
    });
    const M = nn.module('M', () => (v: Tensor) => {
      const block = Block();
      return block(block(v));
    });
    const variables = M().init(key(0), x);
    expect(Object.keys(variables.params)).toEqual(['Block_0']);
    expect(Object.keys(variables.params.Block_0)).toEqual(['Dense_0', 'Dense_1']);
  });

  it('random counters go on when a block is called twice', () => {
    const Block = nn.module('Block', () => (v: Tensor) => nn.Dropout({ rate: 0.5, deterministic: false })(v));
    const M = nn.module('M', () => (v: Tensor) => {
      const block = Block();
      return [block(v), block(v)] as const;
    });
    const [a, b] = M().apply({}, ones(4, 8), { rngs: { dropout: key(0) } });
    expect(a.toArray()).not.toEqual(b.toArray());
  });
});

describe('methods', () => {
  const Auto = nn.module('Auto', ({ size }: { size: number }) => {
    const [enc, dec] = [nn.Dense({ features: size, name: 'enc' }), nn.Dense({ features: 3, name: 'dec' })];
    const encode = (v: Tensor) => nn.relu(enc(v));
    const decode = (v: Tensor, { scale = 1 }: { scale?: number } = {}) => np.multiply(dec(v), scale);
    return { __call__: (v: Tensor) => decode(encode(v)), encode, decode };
  });
  const auto = Auto({ size: 2 });
  const variables = auto.init(key(0), x);

  it('run by name, in apply, in a parent and bound', () => {
    const code = auto.apply(variables, x, { method: 'encode' }) as Tensor;
    expect(code.shape).toEqual([2, 2]);
    const twice = auto.apply(variables, code, { method: 'decode', scale: 2 }) as Tensor;
    expect(twice.toArray()).toEqual(np.multiply(auto.apply(variables, x), 2).toArray());
    const Parent = nn.module('Parent', () => (v: Tensor) => {
      const child = Auto({ size: 2 });
      return child.methods.decode(child.methods.encode(v));
    });
    expect(
      Parent()
        .apply({ params: { Auto_0: variables.params } }, x)
        .toArray(),
    ).toEqual(auto.apply(variables, x).toArray());
    const bound = auto.bind(variables);
    expect(bound.methods.decode(bound.methods.encode(x)).toArray()).toEqual(bound(x).toArray());
    expect(() => auto.methods).toThrow(errors.CallCompactUnboundModuleError);
  });

  it('init by one of them creates what it uses', () => {
    expect(Object.keys(auto.init(key(0), x, { method: 'encode' }).params)).toEqual(['enc']);
  });
});

describe('bind', () => {
  it('keeps updates and counts random keys on', () => {
    const bn = nn.BatchNorm({ useRunningAverage: false, momentum: 0 });
    const bound = bn.bind(bn.init(key(0), x), { mutable: ['batch_stats'] });
    bound(tensor([2, 3], [0, 0, 0, 2, 4, 6]));
    expect(bound.variables.batch_stats.mean.toArray()).toEqual([1, 2, 3]);
    const drop = nn.Dropout({ rate: 0.5, deterministic: false }).bind({}, { rngs: { dropout: key(0) } });
    expect(drop(ones(32)).toArray()).not.toEqual(drop(ones(32)).toArray());
  });
});

describe('sow', () => {
  const M = nn.module('M', () => (v: Tensor) => {
    const h = dense(2)(v);
    nn.sow('intermediates', 'h', h);
    nn.sow('intermediates', 'h', h);
    nn.sow('sums', 'total', h, { init: () => np.zeros([2, 2]), reduce: (a, b) => np.add(a, b) });
    return h;
  });

  it('keeps values only where the collection is mutable, and not in init', () => {
    const m = M();
    const { params, ...rest } = m.init(key(0), x);
    expect(Object.keys(rest)).toEqual(['sums']);
    const [h, state] = m.apply({ params }, x, { mutable: ['intermediates', 'sums'] });
    expect(state.intermediates!.h).toHaveLength(2);
    expect(state.sums!.total.toArray()).toEqual(h.toArray());
    expect(m.apply({ params }, x).shape).toEqual([2, 2]);
  });
});

describe('transformations', () => {
  it('init, apply and grad of apply run inside jit', () => {
    const m = MLP_BN();
    const step = jit((k: Tensor, v: Tensor) => {
      const variables = m.init(k, v, { train: false });
      const loss = (params: nn.Collection) => np.mean(m.apply({ ...variables, params }, v, { train: true, mutable: ['batch_stats'] })[0]);
      return [variables, grad(loss)(variables.params)] as const;
    });
    const [variables, grads] = step(key(0), x);
    expect(variables.params.Dense_0.kernel.toArray()).toEqual(m.init(key(0), x, { train: false }).params.Dense_0.kernel.toArray());
    expect(shapes(grads)).toEqual({
      Dense_0: { kernel: [3, 4], bias: [4] },
      BatchNorm_0: { scale: [4], bias: [4] },
      Dense_1: { kernel: [4, 1], bias: [1] },
    });
  });

  it('jit inside a module may read parameters, but makes no variables and keys', () => {
    const Reads = nn.module('Reads', () => (v: Tensor) => {
      const w = nn.param('w', nn.initializers.ones, [3]);
      return jit((u: Tensor) => np.multiply(u, w))(v);
    });
    expect(Reads().initWithOutput(key(0), x)[0].toArray()).toEqual(x.toArray());
    const Makes = nn.module('Makes', () => (v: Tensor) => jit((u: Tensor) => dense(2)(u))(v));
    expect(() => Makes().init(key(0), x)).toThrow(errors.JaxTransformError);
  });

  it('an apply inside another module is an apply of its own', () => {
    const inner = MLP();
    const variables = inner.init(key(0), x);
    const M = nn.module('M', () => (v: Tensor) => [inner.apply(variables, v), dense(1)(v)] as const);
    const [[y], own] = M().initWithOutput(key(1), x);
    expect(y.toArray()).toEqual(inner.apply(variables, x).toArray());
    expect(Object.keys(own.params)).toEqual(['Dense_0']);
  });

  it('apply keeps its identity, and needs no this', () => {
    const m = MLP();
    const { apply, init } = m;
    expect(m.apply).toBe(apply);
    expect(apply(init(key(0), x), x).shape).toEqual([2, 1]);
    expect(m.moduleName).toBe('MLP');
    expect(m.name).toBe('MLP');
  });

  it('existing parameters are checked without drawing any, and initializers are traced once', () => {
    const init = vi.fn((k: Tensor, shape: readonly number[]) => nn.initializers.normal()(k, shape));
    const M = nn.module('M', () => (v: Tensor) => np.matmul(v, nn.param('w', init, [3, 2])));
    const m = M();
    const variables = m.init(key(0), x);
    for (let i = 0; i < 3; i++) m.apply(variables, x);
    expect(init).toHaveBeenCalledTimes(2); // to create, and to learn the shape
  });
});

describe('options', () => {
  it('an input that is a plain object is no options object', () => {
    interface Batch {
      image: Tensor;
    }
    const M = nn.module('M', () => (batch: Batch) => dense(2)(batch.image));
    const m = M();
    const variables = m.init(key(0), { image: x });
    expect(m.apply(variables, { image: x }).shape).toEqual([2, 2]);
    expect(m.apply(variables, { image: x, mutable: ['batch_stats'] })[0].shape).toEqual([2, 2]);
  });

  it('a bare key in rngs is the stream params', () => {
    const M = nn.module('M', () => () => nn.makeRng('dropout'));
    expect(
      M()
        .apply({}, { rngs: key(3) })
        .toArray(),
    ).toEqual(
      M()
        .apply({}, { rngs: { params: key(3) } })
        .toArray(),
    );
  });

  it('check runs when an instance is made', () => {
    const M = nn.module(
      'M',
      ({ n }: { n: number }) =>
        (v: Tensor) =>
          np.multiply(v, n),
      ({ n }) => {
        if (n < 0) throw new errors.ArgumentError('n is negative');
      },
    );
    expect(() => M({ n: -1 })).toThrow('n is negative');
  });
});

import { errors, grad, jit, lax, stopGradient, valueAndGrad, vjp, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { tensor } from '../support/tensors.js';

const double = (x: Tensor): Tensor => lax.mul(x, 2);
const asNumber = (x: Tensor): number => x as unknown as number;

describe('JavaScript on a traced value', () => {
  const uses: [string, (x: Tensor) => unknown][] = [
    ['comparison', (x) => asNumber(x) > 0],
    ['loose equality', (x) => asNumber(x) == 1],
    ['arithmetic', (x) => asNumber(x) + 1],
    ['unary plus', (x) => +x],
    ['Math', (x) => Math.exp(asNumber(x))],
    ['item()', (x) => x.item()],
    ['toArray()', (x) => x.toArray()],
    ['dataSync()', (x) => x.dataSync()],
    ['JSON', (x) => JSON.stringify(x)],
  ];
  it.each(uses)('%s throws and says what to use instead', (_, use) => {
    const f = jit((x: Tensor) => {
      use(x);
      return x;
    });
    expect(() => f(tensor(1))).toThrow(errors.ConcretizationError);
    expect(() => f(tensor(1))).toThrow(/Traced<float32\[\]>.*np\.where/);
  });

  it('of several elements too', () => {
    expect(() => jit((x: Tensor) => asNumber(x) > 0)(tensor([1, 2]))).toThrow(errors.ConcretizationError);
  });

  it('data() rejects', async () => {
    let promise: Promise<unknown> = Promise.resolve();
    jit((x: Tensor) => {
      promise = x.data();
      promise.catch(() => {});
      return x;
    })(tensor(1));
    await expect(promise).rejects.toThrow(errors.ConcretizationError);
  });

  it('works outside jit, under grad too', () => {
    const f = (x: Tensor): Tensor => (asNumber(x) > 0 ? lax.mul(x, x) : lax.neg(x));
    expect(grad(f)(tensor(3)).item()).toBe(6);
    expect(grad(f)(tensor(-3)).item()).toBe(-1);
  });

  it('shapes are numbers inside jit', () => {
    expect(jit((x: Tensor) => (x.shape[0]! > 2 ? double(x) : x))(tensor([1, 2, 3])).toArray()).toEqual([2, 4, 6]);
  });
});

describe('a traced value that outlives its function', () => {
  const leak = (): Tensor => {
    let kept: Tensor | null = null;
    jit(
      (x: Tensor) => {
        kept = double(x);
        return x;
      },
      { name: 'inner' },
    )(tensor([1, 2]));
    return kept!;
  };
  const message = /Traced<float32\[2\]> was made while inner was traced and outlived it: return it/;

  it('throws when computed with', () => {
    expect(() => lax.add(leak(), 1)).toThrow(errors.LeakedTracerError);
    expect(() => lax.add(leak(), 1)).toThrow(message);
  });
  it('throws when passed to jit, captured by it, or returned from it', () => {
    expect(() => jit(double)(leak())).toThrow(message);
    const kept = leak();
    expect(() => jit((x: Tensor) => lax.add(x, kept))(tensor([1, 2]))).toThrow(message);
    expect(() => jit(() => kept)()).toThrow(message);
  });
  it('throws when differentiated', () => {
    const kept = leak();
    expect(() => grad((x: Tensor) => lax.reduceSum(lax.mul(x, kept)))(tensor([1, 2]))).toThrow(message);
  });
  it('has no numbers', () => {
    expect(() => leak().toArray()).toThrow(errors.ConcretizationError);
  });
});

describe('async functions', () => {
  const later = async (x: Tensor): Promise<Tensor> => {
    await Promise.resolve();
    return lax.mul(x, x); // on a dead tracer by now
  };
  it('are refused by jit, with no unhandled rejection', async () => {
    expect(() => jit(later)(tensor(2))).toThrow(/later is async: a jitted function must be synchronous/);
    await new Promise((done) => setTimeout(done, 5));
  });
  it('are refused by grad and vjp', async () => {
    expect(() => grad(later as never)(tensor(2) as never)).toThrow(errors.GradientError);
    expect(() => vjp(later, tensor(2))).toThrow(/must not be async/);
    await new Promise((done) => setTimeout(done, 5));
  });
  it('may use jit and grad between awaits', async () => {
    const f = jit(double);
    const x = f(tensor(1));
    expect([...(await x.data())]).toEqual([2]);
    expect(f(x).item()).toBe(4);
  });
});

describe('errors inside a transform leave no state behind', () => {
  it('in grad', () => {
    const fail = (x: Tensor): Tensor => {
      lax.mul(x, 2);
      throw new Error('inside');
    };
    for (const f of [
      () => grad(fail)(tensor(1)),
      () => jit(grad(fail))(tensor(1)),
      () => grad(jit(fail))(tensor(1)),
      () => vjp(fail, tensor(1)),
    ])
      expect(f).toThrow('inside');
    expect(lax.add(tensor(1), 1).origin).toBeNull();
    expect(valueAndGrad((x: Tensor) => lax.mul(x, x))(tensor(3))[1].item()).toBe(6);
  });
});

it('stopGradient passes numbers and trees through', () => {
  const value = { a: tensor(1), n: 3, s: 'x', none: null };
  const out = stopGradient(value);
  expect([out.a.item(), out.n, out.s, out.none]).toEqual([1, 3, 'x', null]);
});

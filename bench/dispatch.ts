/**
 * What a jitted step of the guide's MLP costs (batch 32, 3-4-2, BatchNorm, Adam: about 25 tensors), and what that is made of.
 *
 *   npx tsx bench/dispatch.ts
 */
import { cpus } from 'node:os';
import { currentBackend } from '../lib/backends/select.js';
import type { Executable, WireGraph } from '../lib/backends/backend.js';
import { jit, nn, np, optim, random, training, tree, valueAndGrad, type Tensor } from 'flaxen';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 2 })(x);
});

const mlp = MLP();
const batch = { image: random.normal(random.PRNGKey(1), [32, 3]), label: random.randint(random.PRNGKey(2), [32], 0, 2) };
const variables = mlp.init(random.PRNGKey(0), batch.image, { train: false });
const create = () =>
  training.TrainState.create({ applyFn: mlp.apply, params: variables.params, batch_stats: variables.batch_stats, tx: optim.adam(1e-3) });
type State = ReturnType<typeof create>;

const makeStep = (donate: number[]) =>
  jit(
    (state: State, batch: { image: Tensor; label: Tensor }) => {
      const lossFn = (params: State['params']) => {
        const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, {
          train: true,
          mutable: ['batch_stats'],
        });
        return [optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label).mean(), { logits, updates }] as const;
      };
      const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
      state = state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats });
      return [state, { loss, accuracy: np.mean(np.equal(np.argmax(logits, -1), batch.label)) }] as const;
    },
    { donate, name: 'trainStep' },
  );

/** The graph and program that `work` compiles last. */
function compiled(work: () => void): { graph: WireGraph; program: Executable } {
  const backend = currentBackend();
  const compile = backend.compile.bind(backend);
  let last: { graph: WireGraph; program: Executable } | undefined;
  backend.compile = (graph) => (last = { graph, program: compile(graph) }).program;
  work();
  backend.compile = compile;
  return last!;
}

/** Median microseconds of a call over rounds of 2,000. */
function measure(call: () => void): number {
  const rounds: number[] = [];
  for (let r = 0; r < 25; r++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < 2000; i++) call();
    rounds.push(Number(process.hrtime.bigint() - start) / 2e6);
  }
  rounds.sort((a, b) => a - b);
  return rounds[12]!;
}

const results: [string, number][] = [];
const copy = (s: State) => tree.map((t: Tensor) => np.array(t.toArray(), { dtype: t.dtype, shape: t.shape }), s);
const donated = makeStep([0]);
const { graph, program } = compiled(() => donated.lower(create(), batch));
let state = copy(create());
results.push(['step, donated', measure(() => ([state] = donated(state, batch)))]);
const buffers = graph.inputs.map(({ shape, dtype }) => np.zeros(shape, { dtype }).buffer!);
results.push(['its program alone: one N-API call and the kernels', measure(() => void program.run(buffers))]);
const plain = makeStep([]);
let kept = copy(state);
results.push(['step, not donated', measure(() => ([kept] = plain(kept, batch)))]);
const identity = jit((s: State, b: typeof batch) => [s, b] as const, { name: 'identity' });
results.push(['the same trees through jit, nothing computed', measure(() => void identity(state, batch))]);
const scalar = jit((x: Tensor) => np.add(x, 1));
const one = np.array(1);
results.push(['jit of one addition on a scalar', measure(() => void scalar(one))]);
results.push(['eager addition on a scalar', measure(() => void np.add(one, one))]);
const [, treedef] = tree.flatten([state, batch]);
const leaves: unknown[] = [];
results.push([
  `flattening ${treedef.leafCount} leaves against a known structure`,
  measure(() => {
    leaves.length = 0;
    treedef.collect([state, batch], leaves);
  }),
]);

console.log(`${cpus()[0]!.model}, ${cpus().length} processors, node ${process.version}`);
for (const [what, us] of results) console.log(`${us.toFixed(2).padStart(8)} us  ${what}`);

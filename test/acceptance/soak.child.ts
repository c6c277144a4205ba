/**
 * What soak.test.ts runs in a process of its own, so that the heap is clean and nothing else disturbs the clock:
 *
 *   node --import tsx test/acceptance/soak.child.ts memory <donate|keep> | latency <small|wide> | workers
 *
 * Prints one line of JSON.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { backendInfo, jit, nn, np, optim, random, training, tree, valueAndGrad, type Tensor } from 'flaxen';
if (process.env.FLAXEN_BACKEND?.startsWith('reference')) await import('../support/setup.js');

const fast = backendInfo().name === 'cpu';

interface Sizes {
  inputs: number;
  hidden: number;
  classes: number;
  batch: number;
}
const SMALL: Sizes = { inputs: 3, hidden: 4, classes: 3, batch: 32 };
const WIDE: Sizes = fast ? { inputs: 1024, hidden: 1024, classes: 10, batch: 1024 } : { inputs: 8, hidden: 8, classes: 4, batch: 16 };

const MLP = nn.module('MLP', ({ hidden, classes }: Sizes) => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: hidden })(x);
  x = nn.relu(nn.BatchNorm({ useRunningAverage: !train })(x));
  return nn.Dense({ features: classes })(x);
});

function program(sizes: Sizes, seed: number, donate: boolean) {
  const model = MLP(sizes);
  const [init, data] = [...random.split(random.PRNGKey(seed))] as [Tensor, Tensor];
  const { params, batch_stats } = model.init(init, np.ones([1, sizes.inputs]), { train: false });
  const state = training.TrainState.create({ applyFn: model.apply, params, batch_stats, tx: optim.adam(1e-3) });
  type State = typeof state;
  const batch = {
    image: random.normal(data, [sizes.batch, sizes.inputs]),
    label: random.randint(random.foldIn(data, 1), [sizes.batch], 0, sizes.classes),
  };
  const step = jit(
    (state: State, { image, label }: typeof batch) => {
      const lossFn = (params: State['params']) => {
        const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, image, {
          train: true,
          mutable: ['batch_stats'],
        });
        return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), { logits, updates }] as const;
      };
      const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
      state = state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats });
      return [state, { loss, accuracy: np.mean(np.equal(np.argmax(logits, -1), label)) }] as const;
    },
    { donate: donate ? [0] : [] },
  );
  return { state, batch, step };
}

/** Resident memory after a warm-up and after many more steps, all in one synchronous run. */
function memory(donate: boolean): object {
  const [warmUp, steps] = fast ? [20_000, 100_000] : [500, 2_000];
  let { state } = program(SMALL, 0, donate);
  const { batch, step } = program(SMALL, 0, donate);
  const first = step(state, batch);
  state = first[0];
  let { loss } = first[1];
  const firstLoss = loss.item() as number;
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const [next, metrics] = step(state, batch);
      state = next;
      loss = metrics.loss;
    }
  };
  run(warmUp);
  const before = process.memoryUsage.rss();
  run(steps);
  const after = process.memoryUsage.rss();
  return { steps: state.step.item(), firstLoss, lastLoss: loss.item(), before, after };
}

const p99 = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)]!;

/** How late a 10 ms timer comes, in ms, until `done`. */
async function lateness(done: () => boolean): Promise<number[]> {
  const late: number[] = [];
  while (!done()) {
    const start = performance.now();
    await sleep(10);
    late.push(performance.now() - start - 10);
  }
  return late;
}

/** How late the timer is for `ms` milliseconds while `work` is done over and over; the 99th percentile, and how often each came. */
async function during(ms: number, work: () => Promise<void>): Promise<{ late: number; ticks: number; rounds: number }> {
  let running = true;
  const timer = lateness(() => !running);
  const end = performance.now() + ms;
  let rounds = 0;
  for (; performance.now() < end; rounds++) await work();
  running = false;
  const late = await timer;
  return { late: p99(late), ticks: late.length, rounds };
}

/** Busy, but gives way every millisecond: how late the timer is then is the machine's doing. */
async function giveWay(): Promise<void> {
  const end = performance.now() + 1;
  while (performance.now() < end);
  await nextTurn();
}

/** The timer while a model trains and each loss is awaited, between two measurements of the machine itself. */
async function latency(sizes: Sizes): Promise<object> {
  const { batch, step, ...rest } = program(sizes, 0, true);
  let { state } = rest;
  const train = async (): Promise<void> => {
    const [next, { loss }] = step(state, batch);
    state = next;
    const [value] = await loss.data();
    if (!Number.isFinite(value)) throw new Error(`the loss became ${value}`);
  };
  for (let i = 0; i < 3; i++) await train(); // compiles, and warms up
  const before = await during(1500, giveWay);
  const { late, ticks, rounds } = await during(4000, train);
  const after = await during(1500, giveWay);
  return { steps: rounds, ticks, busy: late, idle: Math.max(before.late, after.late) };
}

/** The bits of all of a state's leaves after 200 steps. */
function train(seed: number): number[][] {
  const { batch, step, ...rest } = program({ inputs: 20, hidden: 64, classes: 4, batch: 64 }, seed, true);
  let { state } = rest;
  for (let i = 0; i < (fast ? 200 : 20); i++) [state] = step(state, batch);
  return tree.leaves(state).map((t) => [...(t as Tensor).dataSync()]);
}

// A worker's own file does not go through the loader that --import registers: it has to register it first.
const BOOT = `import('tsx/esm/api').then(({ register }) => (register(), import(require('node:worker_threads').workerData.file)));`;

/** Two worker threads train at once, each with its own seed, while the main thread trains too. */
async function workers(): Promise<object> {
  const seeds = [1, 2];
  const results = seeds.map(
    (seed) =>
      new Promise<number[][]>((resolve, reject) => {
        const worker = new Worker(BOOT, { eval: true, execArgv: [], workerData: { seed, file: import.meta.url } });
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  const own = seeds.map(train);
  const theirs = await Promise.all(results);
  const equal = own.map((bits, i) => JSON.stringify(bits) === JSON.stringify(theirs[i]));
  return { equal, differ: JSON.stringify(own[0]) !== JSON.stringify(own[1]) };
}

if (isMainThread) {
  const [mode, how] = process.argv.slice(2);
  const result =
    mode === 'memory' ? memory(how === 'donate') : mode === 'latency' ? await latency(how === 'wide' ? WIDE : SMALL) : await workers();
  console.log(JSON.stringify(result));
} else {
  parentPort!.postMessage(train((workerData as { seed: number }).seed));
}

/** What the compiler knows of a TrainState: its extra fields, its module's apply, its optimizer's state. Compiled, never run. */
import { expectTypeOf } from 'vitest';
import { jit, nn, optim, training, type Tensor } from 'flaxen';

declare const x: Tensor;
declare const key: Tensor;

const Net = nn.module(
  'Net',
  () =>
    (x: Tensor, { train }: { train: boolean }) =>
      nn.BatchNorm({ useRunningAverage: !train })(x),
);
const net = Net();
const { params, batch_stats } = net.init(key, x, { train: false });

const state = training.TrainState.create({ applyFn: net.apply, params, tx: optim.adam(1e-3), batch_stats, epoch: x });
expectTypeOf(state.step).toEqualTypeOf<Tensor>();
expectTypeOf(state.batch_stats).toEqualTypeOf<nn.Collection>();
expectTypeOf(state.epoch).toEqualTypeOf<Tensor>();
expectTypeOf(state.opt_state[0].count).toEqualTypeOf<Tensor>();
expectTypeOf(state.applyFn({ params }, x, { train: false })).toEqualTypeOf<Tensor>();
expectTypeOf(state.applyFn({ params }, x, { train: true, mutable: ['batch_stats'] })).toEqualTypeOf<[Tensor, nn.Variables]>();
// @ts-expect-error -- train is missing
state.applyFn({ params }, x);
// @ts-expect-error -- no such field
void state.dropout_key;
// @ts-expect-error -- a state is immutable
state.step = x;
// @ts-expect-error -- its extra fields too
state.epoch = x;

// Changes keep the type, and name only fields that are there.
expectTypeOf(state.replace({ batch_stats })).toEqualTypeOf<typeof state>();
expectTypeOf(state.replace({ step: 0 })).toEqualTypeOf<typeof state>();
expectTypeOf(state.applyGradients({ grads: params })).toEqualTypeOf<typeof state>();
expectTypeOf(state.applyGradients({ grads: params, batch_stats })).toEqualTypeOf<typeof state>();
// @ts-expect-error -- no such field
state.replace({ batchStats: batch_stats });
// @ts-expect-error -- an epoch is a tensor
state.replace({ epoch: 'one' });
// @ts-expect-error -- grads are missing
state.applyGradients({ batch_stats });
// @ts-expect-error -- params are computed
state.applyGradients({ grads: params, params });

// Parameters of a known shape keep it.
const typed = training.TrainState.create({ applyFn: (w: { w: Tensor }) => w.w, params: { w: x }, tx: optim.sgd(0.1) });
expectTypeOf(typed.params.w).toEqualTypeOf<Tensor>();
typed.applyGradients({ grads: { w: x } });
// @ts-expect-error -- gradients have the parameters' structure
typed.applyGradients({ grads: { bias: x } });

// What create needs.
// @ts-expect-error -- no optimizer
training.TrainState.create({ applyFn: net.apply, params });
// @ts-expect-error -- the step starts at 0
training.TrainState.create({ applyFn: net.apply, params, tx: optim.sgd(0.1), step: x });
// @ts-expect-error -- states come from create
void new training.TrainState();

// Named by its extra fields alone.
const named: training.TrainState<{ batch_stats: nn.Collection; epoch: Tensor }> = state;
expectTypeOf(named.epoch).toEqualTypeOf<Tensor>();
// @ts-expect-error -- the state has no such field
const other: training.TrainState<{ ema: Tensor }> = state;
void other;

// Batches are like the data, with tensors in place of typed arrays.
for (const batch of training.batches(key, { image: x, label: new Int32Array(3), pair: [x, new Float32Array(3)] as const }, 2)) {
  expectTypeOf(batch).toEqualTypeOf<{ image: Tensor; label: Tensor; pair: [Tensor, Tensor] }>();
}
expectTypeOf(new training.MeanMetrics<{ loss: Tensor }>().result()).toEqualTypeOf<Promise<{ loss: number }>>();

// jit takes a state and gives it back; checkpoints too.
const stepped = jit((s: typeof state, rate: number) => [s.replace({ epoch: s.epoch.add(rate) }), { rate }] as const, { donate: [0] })(
  state,
  1,
);
expectTypeOf(stepped[0]).toEqualTypeOf<typeof state>();
expectTypeOf(training.restoreCheckpoint('file', state)).toEqualTypeOf<Promise<typeof state>>();
expectTypeOf(training.restoreCheckpoint('file')).toEqualTypeOf<Promise<Record<string, unknown>>>();
// @ts-expect-error -- the file comes first
void training.saveCheckpoint(state, 'file');
// @ts-expect-error -- Flax's name in Python
training.TrainState.create({ apply_fn: net.apply, params, tx: optim.sgd(0.1) });

// An optimizer that is chosen when the program runs
declare const adaptive: boolean;
const chosen = training.TrainState.create({ applyFn: net.apply, params, tx: adaptive ? optim.adam(1e-3) : optim.sgd(0.1), batch_stats });
expectTypeOf(chosen.batch_stats).toEqualTypeOf<nn.Collection>();
expectTypeOf(chosen.applyGradients({ grads: params }).opt_state).toEqualTypeOf<typeof chosen.opt_state>();

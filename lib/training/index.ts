/** What a training loop needs around the step: its state, checkpoints, batches, metrics. */
export { TrainState, type TrainStateFields } from './train_state.js';
export { CheckpointError, restoreCheckpoint, saveCheckpoint } from './checkpoint.js';
export { MeanMetrics } from './metrics.js';
export { batches, type Batch } from './batches.js';

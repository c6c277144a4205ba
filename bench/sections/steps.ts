/** Whole steps of the models: training, gradients alone, inference, and one thread against all. */
import { evalWork, mlpCases, trainWork, type JobRequest } from '../harness/cases.js';
import { columnsOf, compare, type Column, type Context, type RowPlan } from '../harness/context.js';
import { flaxen, pinned } from '../harness/peers.js';
import type { Section } from '../harness/results.js';

/** Every column does the same. */
const all = (columns: readonly Column[], request: JobRequest): Record<string, JobRequest> =>
  Object.fromEntries(columns.map(({ key }) => [key, request]));

export function train(context: Context): Promise<Section> {
  const columns = columnsOf(context, ['flaxen', 'flax', 'flax-donated', 'torch', 'torch-fused', 'torch-compile', 'tfjs', 'flaxen-tfjs']);
  const rows = context.cases.map((c): RowPlan => ({
    name: c.name,
    work: trainWork(c),
    requests: all(columns, { kind: 'train', case: c }),
  }));
  return compare(context, { id: 'train', title: 'Train step: forward, loss, backward, Adam, running statistics, metrics', columns, rows });
}

export function gradients(context: Context): Promise<Section> {
  const columns = columnsOf(context, ['flaxen', 'jaxjs']);
  const rows = context.cases.map((c): RowPlan => ({ name: c.name, requests: all(columns, { kind: 'grad', case: c }) }));
  return compare(context, { id: 'grad', title: 'Loss and gradients alone', columns, rows });
}

export function inference(context: Context): Promise<Section> {
  const columns = columnsOf(context, ['flaxen', 'flax', 'torch', 'torch-compile', 'tfjs']);
  const model = mlpCases.find((c) => c.name === 'mnist')!;
  const batches = context.quick ? [1, 128] : [1, 8, 64, 512, 4096];
  const rows = batches.map((batch): RowPlan => ({
    name: `batch ${batch}`,
    work: evalWork(model, batch),
    requests: all(columns, { kind: 'eval', case: { ...model, batch } }),
  }));
  return compare(context, { id: 'eval', title: "Eval step of the mnist model, each waiting for its result: running statistics, loss, accuracy", columns, rows }); // prettier-ignore
}

export function scaling(context: Context): Promise<Section> {
  const threads = context.threads ?? 2;
  const column = (n: number): Column => {
    const spec = pinned(flaxen(n), context.threads);
    return { key: spec.id, title: spec.title, spec };
  };
  const columns = [column(threads), column(1)];
  const rows = context.cases.map((c): RowPlan => ({ name: c.name, requests: all(columns, { kind: 'train', case: c }) }));
  return compare(context, { id: 'scaling', title: `Train step on 1 and on ${threads} threads`, columns, rows });
}

/** A program that should run as one session and cannot: people are told once for each reason. FLAXEN_TFJS_SESSION=required makes it an error. */
import { BackendError } from '../../core/errors.js';
import type { TfGraph } from './graph.js';
import { opName } from './saved_model.js';

const SETTING = 'FLAXEN_TFJS_SESSION';
const LONGEST = 400; // TensorFlow appends whole nodes to what it says

const told = new Set<string>();

/** Whether a session that cannot be had is an error. Throws a BackendError for a wrong setting. */
export function sessionsAreRequired(): boolean {
  const asked = process.env[SETTING];
  if (asked && asked !== 'required') throw new BackendError(`${SETTING}=${asked} is not known: set it to "required", or not at all`);
  return asked === 'required';
}

/** Why a session failed, with the operation that TensorFlow complains about. */
export function reasonOf(cause: unknown, graph: TfGraph): string {
  const { message, code } = cause as NodeJS.ErrnoException;
  if (code !== undefined) return `its folder cannot be written: ${message}; set TMPDIR to one that can`;
  const said = message.replace(/\s+/g, ' ');
  const names = new Set(said.match(/(?<=\{\{node )\w+/g) ?? said.match(/\bn\d+\b/g));
  const ops = graph.ops.filter((op) => names.has(opName(op)));
  const where = ops.map((op) => `${opName(op)} is ${op.name} of ${op.origin}`).join(', ');
  return (said.length > LONGEST ? `${said.slice(0, LONGEST)}…` : said) + (where && ` (${where})`);
}

/** Tells of a failure, or throws it. */
export function report(reason: string, graph: TfGraph): void {
  const what = `a program of ${graph.ops.length} operations cannot run on tfjs-node as one session: ${reason}`;
  if (sessionsAreRequired()) throw new BackendError(`${what}. Unset ${SETTING} to run it one by one`);
  const kind = reason.replace(/\d+/g, '#');
  if (told.has(kind)) return;
  told.add(kind);
  process.stderr.write(`flaxen: ${what}. It runs operation by operation, with the same results but some 4 microseconds slower at each\n`);
}

/**
 * Checkpoints: a tree of tensors in one file, in the safetensors format (https://huggingface.co/docs/safetensors), which other libraries read too.
 *
 * A file is a length (8 bytes, little-endian), a JSON header of that length, and the tensors' bytes one after the other. The header gives each tensor, by its path
 * ("params/Dense_0/kernel"; "/" and "~" within a name are "~1" and "~0"), a dtype, a shape and its first and last offset. Leaves that are numbers, booleans or
 * strings, and a SHA-256 of the tensors' bytes, are in the header's "__metadata__".
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { endianness } from 'node:os';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fromTypedArray } from '../core/array.js';
import { formatShape, MAX_RANK, sizeOf } from '../core/aval.js';
import { allocate, type DataArray, type DType } from '../core/dtype.js';
import { FlaxenError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';

/**
 * A checkpoint that cannot be written, is damaged, or does not fit the tree that it is restored into.
 * @example await training.saveCheckpoint('model.safetensors', { f: () => 1 }); // throws CheckpointError: … got a function at f: leave it out
 */
export class CheckpointError extends FlaxenError {}

const CODES: Record<DType, string> = { float32: 'F32', int32: 'I32', uint32: 'U32', bool: 'BOOL' };
const DTYPES = new Map(Object.entries(CODES).map(([dtype, code]) => [code, dtype as DType]));
const MAX_HEADER = 100_000_000; // the format's own limit
const CHUNK = 4 << 20; // bytes hashed or written between turns of the event loop

interface TensorInfo {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
type Static = number | boolean | string;
type Contents = Map<string, Tensor | Static>;

const escape = (part: string | number): string => String(part).replaceAll('~', '~0').replaceAll('/', '~1');
const unescape = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');
const nameOf = (path: tree.Path): string => path.map(escape).join('/');

const isStatic = (leaf: unknown): leaf is Static => ['number', 'boolean', 'string'].includes(typeof leaf);

/** The leaves by name; throws on one that a file cannot hold. */
function leavesByName(value: unknown): Contents {
  const out: Contents = new Map();
  for (const [path, leaf] of tree.leavesWithPath(value)) {
    const name = nameOf(path);
    if (!(leaf instanceof Tensor) && !isStatic(leaf)) {
      throw new CheckpointError(
        `a checkpoint holds tensors, numbers, booleans and strings, got a ${typeof leaf} at ${tree.formatPath(path)}: leave it out`,
      );
    }
    if (out.has(name) || name === '__metadata__') throw new CheckpointError(`two leaves of the checkpoint are named "${name}": rename one`);
    out.set(name, leaf);
  }
  return out;
}

const bytesOf = (array: DataArray): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

async function hashOf(parts: readonly Buffer[]): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) {
    for (let at = 0; at < part.length; at += CHUNK) {
      hash.update(part.subarray(at, at + CHUNK));
      await nextTurn();
    }
  }
  return hash.digest('hex');
}

function checkEndianness(): void {
  if (endianness() !== 'LE') throw new CheckpointError('checkpoints are little-endian and this machine is not');
}

function checkFile(file: unknown): void {
  if (typeof file !== 'string') throw new CheckpointError(`the first argument is the path of the checkpoint's file, got ${typeof file}`);
}

/**
 * Writes a tree (variables, a TrainState, ...) to `file`, all or nothing: a reader sees the old file or the new one. The numbers are those at the time of the
 * call, so training may go on, donating the tree, while the promise is pending; the event loop is never blocked. A folder
 * that is not there is made. Throws CheckpointError.
 * @example
 * await training.saveCheckpoint('run.safetensors', { params: { w: np.array([1, 2]) }, epoch: 3 });
 * const { epoch } = await training.restoreCheckpoint('run.safetensors');
 * epoch; // => 3
 */
export async function saveCheckpoint(file: string, value: unknown): Promise<void> {
  checkEndianness();
  checkFile(file);
  if (value === undefined) throw new CheckpointError('saveCheckpoint needs a tree to save, got undefined');
  const leaves = leavesByName(value);
  const names = [...leaves.keys()].filter((name) => leaves.get(name) instanceof Tensor);
  const arrays = await Promise.all(names.map((name) => (leaves.get(name) as Tensor).data())); // all reads start before the first await
  const parts = arrays.map(bytesOf);
  const statics = Object.fromEntries([...leaves].filter(([, leaf]) => !(leaf instanceof Tensor)));
  const metadata: Record<string, string> = { format: 'flaxen', sha256: await hashOf(parts) };
  if (Object.keys(statics).length > 0) metadata.leaves = JSON.stringify(statics, encodeNumber);
  let offset = 0;
  const entries = names.map((name, i): [string, TensorInfo] => {
    const { shape, dtype } = leaves.get(name) as Tensor;
    return [name, { dtype: CODES[dtype], shape: [...shape], data_offsets: [offset, (offset += parts[i]!.length)] }];
  });
  const contents = [encodeHeader({ __metadata__: metadata, ...Object.fromEntries(entries) }), ...parts];
  await writeAtomically(file, contents).catch((cause: Error) => {
    throw new CheckpointError(`cannot write the checkpoint ${file}: ${cause.message}`, { cause });
  });
}

// JSON has no NaN and no infinities.
const encodeNumber = (_: string, v: unknown): unknown => (typeof v === 'number' && !Number.isFinite(v) ? { number: String(v) } : v);
const decodeNumber = (v: unknown): unknown => (typeof v === 'object' && v !== null && 'number' in v ? Number(v.number) : v);

function encodeHeader(header: object): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8; // padded with spaces, so that the tensors are aligned
  const out = Buffer.alloc(8 + length, ' ');
  out.writeBigUInt64LE(BigInt(length));
  json.copy(out, 8);
  return out;
}

async function writeAtomically(file: string, parts: readonly Buffer[]): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(temporary, 'wx');
  try {
    try {
      for (const part of parts) for (let at = 0; at < part.length; at += CHUNK) await writeAll(handle, part.subarray(at, at + CHUNK));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
}

/**
 * Reads a checkpoint. With a `target`, the result has the target's structure (a TrainState stays one) and every leaf's shape and dtype must agree; a leaf that
 * is missing on either side is an error. Without one, nested plain objects come back, with "0", "1", ... where the tree had arrays. Throws CheckpointError.
 * @example
 * await training.saveCheckpoint('model.safetensors', { w: np.array([1, 2]) });
 * await training.restoreCheckpoint('model.safetensors', { w: np.zeros([2]) }); // => { w: Tensor float32[2] [1, 2] }
 * await training.restoreCheckpoint('model.safetensors', { w: np.zeros([3]) }); // throws CheckpointError: … float32[2] at w, the target float32[3]: …
 */
export async function restoreCheckpoint<T>(file: string, target: T): Promise<T>;
export async function restoreCheckpoint(file: string): Promise<Record<string, unknown>>;
export async function restoreCheckpoint(file: string, target?: unknown): Promise<unknown> {
  checkEndianness();
  checkFile(file);
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new CheckpointError(`there is no checkpoint ${file}`, { cause });
    throw new CheckpointError(`cannot read the checkpoint ${file}: ${cause.message}`, { cause });
  });
  const contents = await decode(bytes, file);
  return target === undefined ? nest(contents) : fit(contents, target, file);
}

async function decode(bytes: Buffer, file: string): Promise<Contents> {
  const damaged = (what: string): CheckpointError =>
    new CheckpointError(`${file} is no valid checkpoint: ${what}; it is damaged or was cut short`);
  if (bytes.length < 8) throw damaged(`it has ${bytes.length} bytes`);
  const length = Number(bytes.readBigUInt64LE());
  if (length > MAX_HEADER || 8 + length > bytes.length) throw damaged(`its header of ${length} bytes does not fit in ${bytes.length}`);
  const header = parseHeader(bytes.subarray(8, 8 + length), damaged);
  const data = bytes.subarray(8 + length);
  const { __metadata__: metadata, ...infos } = header;
  const contents: Contents = new Map();
  const ranges: [number, number][] = [];
  for (const [name, info] of Object.entries(infos)) {
    const dtype = checkInfo(name, info, data.length, damaged);
    ranges.push((info as TensorInfo).data_offsets);
    contents.set(name, readTensor(data, info as TensorInfo, dtype));
  }
  checkCover(ranges, data.length, damaged);
  const { sha256, leaves } = (metadata ?? {}) as Record<string, unknown>;
  if (sha256 !== undefined && sha256 !== (await hashOf([data]))) throw damaged('its numbers do not have the checksum that it states');
  const statics = typeof leaves === 'string' ? parseObject(leaves, damaged) : {};
  for (const [name, value] of Object.entries(statics)) contents.set(name, decodeNumber(value) as Static);
  return contents;
}

type Damaged = (what: string) => CheckpointError;

function parseHeader(bytes: Buffer, damaged: Damaged): Record<string, unknown> {
  return parseObject(bytes.toString('utf8'), damaged);
}

function parseObject(json: string, damaged: Damaged): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw damaged('its header is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged('its header is no JSON object');
  return value as Record<string, unknown>;
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const areCounts = (x: unknown): x is number[] => Array.isArray(x) && x.every(isCount);

function checkInfo(name: string, info: unknown, available: number, damaged: Damaged): DType {
  const { dtype: code, shape, data_offsets: offsets } = (info ?? {}) as Record<string, unknown>;
  if (typeof code !== 'string' || !areCounts(shape) || !areCounts(offsets) || offsets.length !== 2 || shape.length > MAX_RANK)
    throw damaged(`"${name}" is not described as it should be`);
  const dtype = DTYPES.get(code);
  if (dtype === undefined) {
    throw new CheckpointError(
      `"${name}" has the dtype ${code}, which flaxen has not: convert the file to ${[...DTYPES.keys()].join(', ')}`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const bytes = sizeOf(shape) * (dtype === 'bool' ? 1 : 4);
  if (end > available || end - begin !== bytes)
    throw damaged(`"${name}" of ${bytes} bytes is said to be at ${begin} to ${end} of ${available}`);
  return dtype;
}

function checkCover(ranges: [number, number][], total: number, damaged: Damaged): void {
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let at = 0;
  for (const [begin, end] of ranges) {
    if (begin !== at) throw damaged(`its tensors overlap or leave a gap at byte ${at}`);
    at = end;
  }
  if (at !== total) throw damaged(`it holds ${total} bytes of tensors, its header describes ${at}`);
}

function readTensor(data: Buffer, { shape, data_offsets: [begin, end] }: TensorInfo, dtype: DType): Tensor {
  const array = allocate(dtype, sizeOf(shape)); // a copy: the file's bytes need not be aligned
  bytesOf(array).set(data.subarray(begin, end));
  return fromTypedArray(array, shape, dtype);
}

function fit(contents: Contents, target: unknown, file: string): unknown {
  const [wanted, def] = tree.flatten(target);
  const names = [...leavesByName(target).keys()];
  const missing = names.filter((name) => !contents.has(name));
  const extra = [...contents.keys()].filter((name) => !names.includes(name));
  const list = (items: string[]): string => items.slice(0, 5).join(', ') + (items.length > 5 ? `, and ${items.length - 5} more` : '');
  if (missing.length > 0)
    throw new CheckpointError(`${file} lacks ${list(missing)}, which the target has: restore into the tree that was saved`);
  if (extra.length > 0)
    throw new CheckpointError(`${file} has ${list(extra)}, which the target lacks: restore into the tree that was saved`);
  const restored = names.map((name, i) => {
    const [leaf, like] = [contents.get(name)!, wanted[i]];
    const kind = (x: unknown): string => (x instanceof Tensor ? `${x.dtype}${formatShape(x.shape)}` : `a ${typeof x}`);
    if (kind(leaf) !== kind(like))
      throw new CheckpointError(`${file} has ${kind(leaf)} at ${name}, the target ${kind(like)}: shape and dtype must agree`);
    return leaf;
  });
  return tree.unflatten(def, restored);
}

function nest(contents: Contents): Record<string, unknown> {
  const root = Object.create(null) as Record<string, unknown>;
  for (const [name, leaf] of contents) {
    const parts = name.split('/').map(unescape);
    const last = parts.pop()!;
    let at = root;
    for (const part of parts) {
      at = (at[part] ??= Object.create(null)) as Record<string, unknown>;
      if (at instanceof Tensor || isStatic(at)) throw new CheckpointError(`"${name}" lies under a leaf: restore into a target`);
    }
    at[last] = leaf;
  }
  return root;
}

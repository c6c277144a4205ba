/** Random keys of a module: the root key, folded with a hash of the path and a counter. */
import { createHash } from 'node:crypto';
import { Tensor } from '../core/tensor.js';
import { foldIn } from '../random/index.js';
import { InvalidRngError } from './errors.js';

/** Random keys by stream: `params`, `dropout`, ... */
export type Rngs = Readonly<Record<string, Tensor>>;

const isKey = (value: unknown): value is Tensor =>
  value instanceof Tensor && value.dtype === 'uint32' && value.ndim === 1 && value.shape[0] === 2;

/** The streams of `rngs`; a bare key is the stream `params`. */
export function checkRngs(rngs: unknown, module: string): Rngs {
  if (isKey(rngs)) return { params: rngs };
  if (typeof rngs !== 'object' || rngs === null || rngs instanceof Tensor || Array.isArray(rngs)) {
    throw new InvalidRngError(
      `RNGs should be of shape (2,) or PRNGKey in Module ${module}, but rngs are: ${String(rngs)}. Pass random.PRNGKey(seed), or an object of such keys.`,
    );
  }
  for (const [stream, key] of Object.entries(rngs)) {
    if (isKey(key)) continue;
    throw new InvalidRngError(
      `rngs should be a dictionary mapping strings to keys, but in Module ${module} the rng "${stream}" is ${String(key)}. Pass random.PRNGKey(seed).`,
    );
  }
  return rngs as Rngs;
}

/** The first four bytes, big-endian, of the SHA-1 of the names, one after the other, and the counter in as few bytes as it needs. */
export function pathHash(path: readonly string[], counter: number): number {
  const hash = createHash('sha1');
  for (const name of path) hash.update(name, 'utf8');
  const bytes: number[] = [];
  for (let rest = counter; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return hash.update(Uint8Array.from(bytes)).digest().readUInt32BE(0);
}

/** The key number `counter` (from 1) of the module at `path`. As flax.core.scope.LazyRng. */
export const deriveKey = (root: Tensor, path: readonly string[], counter: number): Tensor => foldIn(root, pathHash(path, counter));

/** Conversion between dtypes: floats are truncated and saturate, NaN becomes 0. */
import type { Builder, Value } from '../graph.js';
import { spread, type Kernel } from './kernel.js';

const INT_MIN = -2147483648;

/** Out of range the cast itself is undefined, so those are replaced before and after. */
function floatToInt32(b: Builder, x: Value): Value {
  const small = b.binary('Less', x, b.float(2147483648), 'bool');
  const known = b.binary('GreaterEqual', x, b.float(-2147483648), 'bool');
  const cast = b.cast(b.select(b.binary('LogicalAnd', small, known), x, b.float(0)), 'int32');
  const low = b.select(b.binary('Less', x, b.float(-2147483648), 'bool'), b.int32(INT_MIN), cast);
  return b.select(b.binary('GreaterEqual', x, b.float(2147483648), 'bool'), b.int32(2147483647), low);
}

function floatToUint32(b: Builder, x: Value): Value {
  const positive = b.binary('Greater', x, b.float(0), 'bool');
  const small = b.binary('Less', x, b.float(4294967296), 'bool');
  const inside = b.select(b.binary('LogicalAnd', positive, small), x, b.float(0));
  const cast = b.cast(b.cast(inside, 'int64'), 'int32');
  return b.select(b.binary('GreaterEqual', x, b.float(4294967296), 'bool'), b.int32(-1), cast);
}

export const convert: Kernel = spread((b, [x], { inputs, outputs }) => {
  const [from, to] = [inputs[0]!.dtype, outputs[0]!.dtype];
  if (from === to) return x!;
  if (to === 'bool') return b.binary('NotEqual', x!, from === 'float32' ? b.float(0) : b.int32(0), 'bool');
  if (from === 'bool') return b.cast(x!, to === 'float32' ? 'float' : 'int32');
  if (from === 'float32') return to === 'int32' ? floatToInt32(b, x!) : floatToUint32(b, x!);
  if (to !== 'float32') return x!; // int32 and uint32 differ in how their bits are read
  return b.cast(from === 'uint32' ? b.bitcast(x!, 'uint32') : x!, 'float');
});

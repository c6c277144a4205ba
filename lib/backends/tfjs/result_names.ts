/** What TensorFlow calls the results of its operations, which the nodes of a function refer to. An operation that is not here cannot be in a session. */
import { BackendError } from '../../core/errors.js';

const NAMES: Readonly<Record<string, string>> = {
  output:
    'All Any ArgMax ArgMin AvgPool AvgPoolGrad BatchMatMulV2 Bitcast BroadcastTo ConcatV2 Conv2D Conv2DBackpropFilter Conv2DBackpropInput Conv3D ' +
    'Conv3DBackpropFilterV2 Conv3DBackpropInputV2 DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput GatherV2 ' +
    'Identity Max MaxPool MaxPoolGrad Min NextAfter PadV2 Prod Range Reshape ReverseV2 SelectV2 StridedSlice Sum TensorScatterAdd',
  y: 'Neg Abs Sign Floor Ceil Rint Exp Expm1 Log Sqrt Rsqrt Square Sin Cos Tanh Erf IsFinite IsNan LogicalNot Invert Cast Transpose',
  z:
    'AddV2 Sub Mul RealDiv TruncateDiv TruncateMod Mod Pow Maximum Minimum BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift LogicalAnd LogicalOr Less ' +
    'LessEqual Greater GreaterEqual Equal NotEqual',
};

const results = new Map<string, readonly string[]>([
  ['MatMul', ['product']],
  ['Relu', ['activations']],
  ['Cumsum', ['out']],
  ['TopKV2', ['values', 'indices']],
  ['Qr', ['q', 'r']],
  ['MaxPoolWithArgmax', ['output', 'argmax']],
]);
for (const [name, operations] of Object.entries(NAMES)) for (const operation of operations.split(' ')) results.set(operation, [name]);

/** The name of one of an operation's results. */
export function resultName(operation: string, output: number): string {
  const name = results.get(operation)?.[output];
  if (name === undefined)
    throw new BackendError(
      `flaxen does not know the name of result ${output} of ${operation}: give it in lib/backends/tfjs/result_names.ts`,
    );
  return name;
}

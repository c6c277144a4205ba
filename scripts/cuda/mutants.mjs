// The planted faults: what each is, where, and which gate of the simulator must catch it. `find` stands exactly once in the file.
// Each group patches one file of native/cuda, compiles one .cu with it (`of`, the file itself if none is named), and runs one test, by the
// route `race` (the simulator's checks of every access) if no other is named; the route `host` is the backend's host code on the stand-in runtime. `only` is part of the names of the cases to run.
import { host } from './mutants_host.mjs';
import { batchNorm, gemm } from './mutants_layers.mjs';
import { planted } from './planted.mjs';

const elementwise = planted({ file: 'elementwise.cu', test: 'elementwise' }, [
  ['no barrier behind the scalars', 'race', '  __syncthreads();\n\n  const Operands', '  const Operands', { only: 'loads' }],
  ['no guard for the last elements stored', 'bounds', 'if (left > 1) to[1] = v.y;', 'to[1] = v.y;'],
  ['no guard for the last threads', 'bounds', '    if (i >= count) return;\n', ''],
  [
    'the segment before the right one',
    'numbers',
    'blockIdx.x >= arguments.first_block[segment + 1]',
    'blockIdx.x > arguments.first_block[segment + 1]',
    { only: 'adam' },
  ],
  ['the program of another segment', 'numbers', 'arguments.program[segment] : 0]', 'arguments.program[0] : 0]', { only: 'together' }],
  ['registers of neighbours overlap', 'race', 'threads * kWidth, scalars, &code}', '(threads - 1) * kWidth, scalars, &code}'],
  [
    '16 bytes from any address',
    'undefined',
    '(reinterpret_cast<uintptr_t>(p) & 15) == 0) return *reinterpret_cast<const uint4*>(from);',
    'true) return *reinterpret_cast<const uint4*>(from);',
    { route: 'asan', only: 'mul of' },
  ],
  ['the strides of the wrong dimension', 'numbers', 'code.stride[l][d];', 'code.stride[l][code.rank - 1 - d];', { only: 'loads' }],
  [
    'half the shared memory',
    'bounds',
    'shared_(static_cast<size_t>(registers * threads_) * 16)',
    'shared_(static_cast<size_t>(registers * threads_) * 8)',
  ],
  ['the last instruction is left out', 'numbers', 'k < code.instructions; ++k)', 'k < code.instructions - 1; ++k)'],
  ['select takes the other side', 'numbers', 'return p ? x : y;', 'return p ? y : x;'],
]);

const reductions = [
  ...planted({ file: 'reduce_axis.cuh', of: 'reduce.cu', test: 'reduce' }, [
    [
      "no barrier before the warps' sums are added",
      'race',
      '  __syncthreads();\n  if (threadIdx.x != 0) return;',
      '  if (threadIdx.x != 0) return;',
    ],
    ['no barrier in the tree', 'race', '    __syncthreads();\n    if (first_row < half) {', '    if (first_row < half) {'],
    [
      'a barrier in a branch',
      'barrier',
      '    __syncthreads();\n    if (first_row < half) {',
      '    if (first_row < half) {\n      __syncthreads();',
    ],
    ['the last warp is left out', 'numbers', 'for (int w = 1; w < kReduceWarps; ++w)', 'for (int w = 1; w < kReduceWarps - 1; ++w)'],
    [
      'no end to the last part of a column',
      'bounds',
      'const int64_t end = begin + view.part < view.n ? begin + view.part : view.n;\n  typename',
      'const int64_t end = begin + view.part;\n  typename',
    ],
    ['no guard for the last columns', 'bounds', '  if (j < view.inner) {\n', '  {\n'],
    [
      'a shuffle that not all lanes come to',
      'collective',
      '  p = join_warp<Reducer>(p);\n  if (!wide)',
      '  if (lane < 31) p = join_warp<Reducer>(p);\n  if (!wide)',
    ],
    ["the whole block's partials in one warp's place", 'race', 'if (lane == 0) partials[warp] = p;', 'if (lane == 0) partials[0] = p;'],
    ['rows past the last are written', 'bounds', 'if (lane == 0 && row < view.outer) out[unit]', 'if (lane == 0) out[unit]'],
  ]),
  ...planted({ file: 'arg.cu', test: 'reduce', only: 'arg' }, [
    ['of equal elements the last', 'numbers', 'a.index < b.index ? a : b', 'a.index > b.index ? a : b'],
    ['a NaN loses', 'numbers', 'a != a ? b == b :', 'a != a ? false :'],
  ]),
  ...planted({ file: 'cumsum.cu', test: 'cumsum' }, [
    ["no barrier before a neighbour's sum is read", 'race', '    __syncthreads();\n    const T other', '    const T other'],
    ['no barrier before the sums are written again', 'race', '    __syncthreads();\n    sums[own] += other;', '    sums[own] += other;'],
    ['no guard for the last elements', 'bounds', 'inside && first + s < view.n ?', 'inside ?'],
    ['parts start from their own sum', 'numbers', 'before[(unit - 1) * view.inner + j]', 'before[unit * view.inner + j]'],
  ]),
];

const indexed = [
  ...planted({ file: 'gather.cu', test: 'gather', only: 'take' }, [
    [
      'an index past the end is clamped to the end',
      'bounds',
      'index < view.n ? index : view.n - 1;',
      'index < view.n ? index : view.n;\n  if (view.clip) { out[e] = x[(o * view.n + index) * view.inner + j]; return; }',
    ],
    ['no guard for the last elements', 'bounds', '  if (e >= view.elements) return;\n', ''],
    ['negative indices are not filled', 'bounds', 'out[e] = index >= 0 && index < view.n ?', 'out[e] = index < view.n ?'],
  ]),
  ...planted({ file: 'scatter.cu', test: 'gather', only: 'scatterAdd' }, [
    [
      'indices outside are kept',
      'numbers',
      'index >= 0 && index < n ? static_cast<uint32_t>(index) : kLastKey',
      'static_cast<uint32_t>(index < 0 ? 0 : index)',
    ],
    [
      'the first update of each run is dropped',
      'numbers',
      'count_less(line, count, entry_of(index, 0))',
      'count_less(line, count, entry_of(index, 0)) + 1',
    ],
    ['a run is followed past the last update', 'uninitialised', 'i < count && key_of(line[i]) == index', 'key_of(line[i]) == index'],
  ]),
  ...planted({ file: 'sort.cu', test: 'sort' }, [
    ["no barrier between the network's steps", 'race', '      __syncthreads();\n      for (int pair', '      for (int pair'],
    [
      'no barrier before the chunk is written',
      'race',
      '  __syncthreads();\n  for (int s = thread; s < kSortChunk; s += 256) {\n    const int64_t to',
      '  for (int s = thread; s < kSortChunk; s += 256) {\n    const int64_t to',
    ],
    ['the network sorts all runs upward', 'numbers', '(a & (size - 1) & run) == 0', '(a & (size - 1) & 0) == 0'],
    [
      'entries past the end are sorted too',
      'uninitialised',
      'line < lines && i < n ? line * n + i : -1',
      'line < lines ? line * n + i : -1',
    ],
    [
      'equal keys are swapped',
      'numbers',
      'entries[e] = entry_of(sort_key(keys[line_start(line, n, inner) + position * inner]), i);',
      'entries[e] = entry_of(sort_key(keys[line_start(line, n, inner) + position * inner]), n - 1 - i);',
    ],
  ]),
  ...planted({ file: 'qr.cu', test: 'qr' }, [
    ["no barrier before the sums' memory is used again", 'race', "__syncthreads();  // an earlier call's sums may still be read", ''],
    ['no barrier before the sums are read', 'race', '  __syncthreads();\n  double total = 0;', '  double total = 0;'],
    [
      'no barrier between reflections',
      'race',
      '__syncthreads();  // the column has been written by other threads than those that read it now',
      '',
    ],
    ['the sign of the diagonal', 'numbers', '1 / alpha < 0) ? beta : -beta', '1 / alpha < 0) ? -beta : beta'],
  ]),
];

const windows = [
  ...planted({ file: 'conv.cu', test: 'conv', only: 'conv' }, [
    [
      'no guard for the last elements',
      'bounds',
      '  if (e >= elements) return;\n  const Place to(static_cast<uint32_t>(e), v.w.windows, v.out);',
      '  const Place to(static_cast<uint32_t>(e), v.w.windows, v.out);',
    ],
    ['the stride of the weights', 'numbers', 'weights[int64_t{c} * v.out]', 'weights[c]'],
    ['the gradient of the input reads another group', 'numbers', '* v.out + group * v.group_out;\n  float sum', '* v.out;\n  float sum'],
    ['windows in the padding count', 'bounds', 'inside = inside && p >= 0 && p < v.w.size[d];', 'inside = inside && p >= 0;'],
    ['every part of the sum is the first', 'race', 'parts[int64_t{blockIdx.y} * elements + e] = sum;', 'parts[e] = sum;'],
  ]),
  ...planted({ file: 'windows.cuh', of: 'pool.cu', test: 'conv', only: 'pool' }, [
    ['positions past the end', 'bounds', 'if (r >= 0 && r < w.size[2]) f(', 'if (r >= 0) f('],
    ['windows between strides', 'numbers', 'offset >= 0 && window * w.stride[d] == offset && window', 'offset >= 0 && window'],
  ]),
  ...planted({ file: 'pool.cu', test: 'conv', only: 'pool' }, [
    ['of equal maxima the last', 'numbers', 'here > value ||', 'here >= value ||'],
    ['a window in the padding has a maximum', 'bounds', '!t ? greatest : place < 0 ? 0.0f : t[example', '!t ? greatest : t[example'],
  ]),
  ...planted({ file: 'batch_norm_strided.cu', test: 'batch_norm_strided' }, [
    ['no barrier in the tree', 'race', '    __syncthreads();\n    if (place.y < half) {', '    if (place.y < half) {'],
    [
      'no end to the last block of rows',
      'race',
      'first + kMomentRows < view.rows ? first + kMomentRows : view.rows',
      'first + kMomentRows',
    ],
    ['the strides of the next dimension', 'numbers', '* view.stride[d];', '* view.stride[d + 1 < view.rank ? d + 1 : d];'],
    ['no guard for the last features', 'bounds', 'inside = feature < view.features;', 'inside = true;'],
    [
      'the gradient ignores relu',
      'numbers',
      'const float d = relu_bias && fmaf(centred, column.factor, column.bias) <= 0.0f ? 0.0f : dy[at];\n    dx',
      'const float d = dy[at];\n    dx',
    ],
  ]),
];

const others = [
  ...planted({ file: 'loss.cu', test: 'loss' }, [
    ['no guard for the last rows', 'bounds', '  if (row >= rows) return;  // whole warps leave\n', ''],
    ['labels outside the classes are read', 'numbers', 'label >= 0 && label < classes ? total', 'label >= 0 ? total'],
    ['exponentials without a shift', 'numbers', 'sum += exp_of(x[c] - shift)', 'sum += exp_of(x[c])', { only: '8 x 10' }],
    ["the sign of the label's gradient", 'numbers', 'c == label ? v - d', 'c == label ? v + d'],
    ['the cotangent of all rows is not taken', 'numbers', 'dloss ? dloss[row] : dloss_of_all', 'dloss ? dloss[row] : 1.0f'],
    ['the softmax is not divided by its sum', 'numbers', 'const float weight = d / sum;', 'const float weight = d;'],
    [
      'a mask that leaves out half the warp',
      'collective',
      '__shfl_xor_sync(0xffffffff, top, distance)',
      '__shfl_xor_sync(0xffff, top, distance)',
    ],
    ['rows of the next one are read', 'bounds', 'c < classes; c += 32) top', 'c <= classes; c += 32) top'],
  ]),
  ...planted({ file: 'layout.cu', test: 'layout' }, [
    ['no barrier before the tile is read', 'race', '  __syncthreads();\n', ''],
    [
      'no guard for the last columns of a tile',
      'bounds',
      'if (first0 + x < view.size[0] && first1 + r < view.size[1])',
      'if (first0 + x < view.size[0])',
    ],
    ['the tile is not turned', 'numbers', '= tile[x][r];', '= tile[r][x];'],
    [
      'part of a tile is read that nobody wrote',
      'uninitialised',
      'for (int r = y; r < kTile; r += 8) {  // neighbours',
      'for (int r = y; r < kTile - 8; r += 8) {  // neighbours',
    ],
    ['one element too many', 'race', 'i < elements; i += int64_t{gridDim.x}', 'i <= elements; i += int64_t{gridDim.x}'],
  ]),
  ...planted({ file: 'random.cu', test: 'random' }, [
    ['no guard for the last elements', 'bounds', '  if (i >= n) return;\n', ''],
    ['a rotation', 'numbers', 'rounds<17, 29, 16, 24>(a, b, k2, k0 + 2)', 'rounds<17, 29, 15, 24>(a, b, k2, k0 + 2)'],
  ]),
];

// In the PTX that nvcc wrote: faults of inline PTX, which other routes do not see. `find` is a regular expression; each match is replaced.
const REGISTERS = String.raw`\{(%r\d+), ?(%r\d+), ?(%r\d+), ?(%r\d+)\}, ?\{(%r\d+), ?(%r\d+)\}`;
const ptx = [
  ...planted({ route: 'ptx', file: 'gemm_tf32.ptx', test: 'gemm', only: '129 x 64 * 33' }, [
    ['elements a1 and a2 of a fragment are swapped', 'numbers', REGISTERS, '{$1,$3,$2,$4}, {$5,$6}'],
    ['the elements of b are swapped', 'numbers', REGISTERS, '{$1,$2,$3,$4}, {$6,$5}'],
    ['a wait that leaves one group too many', 'async-copy', String.raw`cp\.async\.wait_group \t?1;`, 'cp.async.wait_group 2;'],
    ['no wait at all', 'async-copy', String.raw`cp\.async\.wait_group [^;]*;`, ''],
    ['copies are not committed', 'async-copy', String.raw`cp\.async\.commit_group;`, ''],
    ['operands are not rounded to tf32', 'mma', String.raw`cvt\.rna\.tf32\.f32`, 'mov.b32'],
    ['no barriers', 'race', String.raw`bar\.sync[^;]*;`, ''],
    [
      'copies of 4 bytes are never zeros',
      'numbers',
      String.raw`(cp\.async\.ca\.shared\.global [^;]*), 4, %r\d+;`,
      '$1, 4;',
      { only: '31 x 17 * 127' },
    ],
    [
      'more of the source than is copied',
      'misaligned',
      String.raw`(cp\.async\.cg\.shared\.global [^;]*), 16, (%r\d+);`,
      '$1, 8, $2;',
      { only: '64 x 64 * 64' },
    ],
  ]),
  ...planted({ route: 'ptx', file: 'batch_norm.ptx', test: 'batch_norm' }, [
    ['half the shared memory', 'bounds', String.raw`(\.shared \.align 16 \.b8 \w+)\[2048\]`, '$1[1024]'],
    ['no barriers', 'race', String.raw`bar\.sync[^;]*;`, ''],
  ]),
  ...planted({ route: 'ptx', file: 'reduce.ptx', test: 'reduce' }, [
    ['no barriers', 'race', String.raw`bar\.sync[^;]*;`, ''],
    ['lanes take from the wrong neighbour', 'numbers', 'shfl\\.sync\\.bfly', 'shfl.sync.up'],
  ]),
];

export const mutants = [...gemm, ...batchNorm, ...elementwise, ...reductions, ...indexed, ...windows, ...others, ...ptx, ...host];

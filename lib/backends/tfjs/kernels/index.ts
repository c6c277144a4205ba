/** How each primitive of docs/primitives.md is made of TensorFlow operations; one file a family. */
import { convolutionKernels } from './convolution.js';
import { creationKernels } from './creation.js';
import { elementwiseKernels } from './elementwise.js';
import { gatherKernels } from './gather.js';
import type { Kernel } from './kernel.js';
import { layerKernels } from './layers.js';
import { layoutKernels } from './layout.js';
import { linearKernels } from './linear.js';
import { orderKernels } from './order.js';
import { poolingKernels } from './pooling.js';
import { reductionKernels } from './reduction.js';

export const kernels: ReadonlyMap<string, Kernel> = new Map(
  Object.entries({
    ...creationKernels,
    ...elementwiseKernels,
    ...layoutKernels,
    ...gatherKernels,
    ...reductionKernels,
    ...orderKernels,
    ...linearKernels,
    ...layerKernels,
    ...convolutionKernels,
    ...poolingKernels,
  }),
);

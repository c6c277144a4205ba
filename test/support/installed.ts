/** What tests need that not every machine has. */
import { existsSync } from 'node:fs';
import { findTfjs } from '../../lib/backends/tfjs_package.js';
import { packageRoot } from '../../lib/backends/package.js';

const tfjs = findTfjs(packageRoot);
/** tfjs-node with its native half; \`npx flaxen install-tfjs-node\` installs it. */
export const tfjsInstalled = tfjs !== null && existsSync(tfjs.binding);

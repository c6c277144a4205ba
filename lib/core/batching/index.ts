/** The batching rules of all primitives, a file a family. */
import './gather.js';
import './layers.js';
import './layout.js';
import './linear.js';
import './reduction.js';
import './windows.js';

export { batchingOf, moveAxis, spread } from './rule.js';

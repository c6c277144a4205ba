/** doctor.ts runs this to see whether the addon can be loaded without harm. */
import { loadAddon } from '../backends/native.js';

loadAddon();

/** What an installer's user is told: what went wrong and what to do about it, without a stack trace. */
import { FlaxenError } from '../../core/errors.js';

export class InstallError extends FlaxenError {}

/** What a backend is known to do otherwise: its name, then the primitives (with the label of the case, if not all) and why. None so far. */
export const exceptions: Readonly<Record<string, readonly { op: string; label?: string; why: string }[]>> = {};

/** Backends for which a subnormal float counts as zero, and why: there a result may be that of zeros in their place, and a subnormal result may be zero. */
export const subnormalsAreZero: Readonly<Record<string, string>> = {
  tfjs: "TensorFlow sets the processor's flags flush-to-zero and denormals-are-zero around every kernel, and nothing turns that off",
};

/**
 * The most elements that a case's arrays may have together, where time does not allow for more: on the simulated device, which interprets every
 * instruction of every thread, and on an emulated processor, for which FLAXEN_TEST_ELEMENTS says it.
 */
export const mostElements =
  process.env.FLAXEN_CUDA_SIM && process.env.FLAXEN_BACKEND === 'cuda' ? 20_000 : Number(process.env.FLAXEN_TEST_ELEMENTS ?? Infinity);

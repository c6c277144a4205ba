/** A progress bar on one terminal line; on a pipe, a line an epoch. */

export class Progress {
  private readonly live = process.stdout.isTTY;
  private readonly started = performance.now();
  private shown = 0;

  constructor(
    private readonly title: string,
    private readonly total: number,
  ) {}

  /** Redraws, at most about ten times a second. */
  update(done: number, details: string): void {
    const now = performance.now();
    if (!this.live || (now - this.shown < 100 && done < this.total)) return;
    this.shown = now;
    const width = 24;
    const filled = Math.round((done / this.total) * width);
    const left = ((now - this.started) / Math.max(1, done)) * (this.total - done);
    const line = `${this.title} ${'━'.repeat(filled)}${'╌'.repeat(width - filled)} ${details}  ${(left / 1000).toFixed(0)} s left`;
    process.stdout.write(`\r\x1b[2K${line.slice(0, Math.max(20, (process.stdout.columns || 120) - 1))}`);
  }

  /** Replaces the bar with a final line. */
  finish(summary: string): void {
    process.stdout.write(`${this.live ? '\r\x1b[2K' : ''}${this.title} ${summary}\n`);
  }
}

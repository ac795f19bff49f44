import type { Command } from "./protocol.ts";

/** Keeps the commands that came while the worker was at work. */
export class Mailbox {
  private waiting: Command[] = [];
  private wake: (() => void) | null = null;

  put(command: Command): void {
    // Of several drawings only the last is of interest.
    if (command.type === "drawing") this.waiting = this.waiting.filter(({ type }) => type !== "drawing");
    this.waiting.push(command);
    this.wake?.();
  }

  /** All commands so far, in their order. */
  take(): Command[] {
    const commands = this.waiting;
    this.waiting = [];
    return commands;
  }

  /** Resolves as soon as there is a command. */
  async arrival(): Promise<void> {
    if (this.waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.wake = null;
  }
}

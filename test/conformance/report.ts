/** Counts outcomes and prints them. */
import type { Outcome } from "./outcome.ts";

export interface Counts {
  passed: number;
  failed: number;
  notImplemented: number;
  unsupported: number;
}

export interface GroupReport {
  readonly counts: Counts;
  readonly failures: { readonly id: string; readonly why: string }[];
}

export interface SectionReport {
  readonly counts: Counts;
  readonly groups: Record<string, GroupReport>;
}

export class Report {
  readonly corpus: string;
  readonly device: string;
  readonly total: Counts = emptyCounts();
  readonly sections: Record<string, SectionReport> = {};

  constructor(corpus: string, device: string) {
    this.corpus = corpus;
    this.device = device;
  }

  add(section: string, group: string, id: string, outcome: Outcome): void {
    this.sections[section] ??= { counts: emptyCounts(), groups: {} };
    const ofSection = this.sections[section];
    ofSection.groups[group] ??= { counts: emptyCounts(), failures: [] };
    const ofGroup = ofSection.groups[group];
    for (const counts of [this.total, ofSection.counts, ofGroup.counts]) counts[outcome.kind]++;
    if (outcome.kind === "failed") ofGroup.failures.push({ id, why: outcome.why });
  }

  /** Did anything run and nothing fail? `complete` asks that nothing be missing or unsupported either. */
  succeeded(complete: boolean): boolean {
    const { failed, notImplemented, unsupported } = this.total;
    return failed === 0 && size(this.total) > 0 && (!complete || notImplemented + unsupported === 0);
  }

  toJSON(): { corpus: string; device: string; total: Counts; sections: Record<string, SectionReport> } {
    return { corpus: this.corpus, device: this.device, total: this.total, sections: this.sections };
  }

  /** The table that is printed. Groups in which everything passed are left out unless `all`. */
  text(all: boolean): string {
    const rows: string[][] = [["", "passed", "failed", "not impl.", "unsupported", "total"]];
    for (const [section, report] of Object.entries(this.sections)) {
      rows.push(row(section, report.counts));
      for (const [group, { counts }] of Object.entries(report.groups)) {
        if (all || counts.passed < size(counts)) rows.push(row(`  ${group}`, counts));
      }
    }
    rows.push(row("total", this.total));
    const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((r) => (r[column] ?? "").length)));
    return rows
      .map((r) => r.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join("  "))
      .join("\n");
  }
}

function emptyCounts(): Counts {
  return { passed: 0, failed: 0, notImplemented: 0, unsupported: 0 };
}

function size(counts: Counts): number {
  return counts.passed + counts.failed + counts.notImplemented + counts.unsupported;
}

function row(name: string, counts: Counts): string[] {
  const { passed, failed, notImplemented, unsupported } = counts;
  return [name, ...[passed, failed, notImplemented, unsupported, size(counts)].map(String)];
}

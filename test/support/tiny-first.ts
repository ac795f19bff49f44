import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Runs test/tiny.test.ts before everything else. */
export class TinyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const tiny = (f: TestSpecification): number => (f.moduleId.endsWith("/tiny.test.ts") ? 0 : 1);
    return sorted.sort((a, b) => tiny(a) - tiny(b));
  }
}

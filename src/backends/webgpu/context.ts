import { type DType, int32 } from "../../core/dtype.ts";
import { Layout } from "../../core/layout.ts";
import type { Compiled } from "../../kernel/kernel.ts";
import type { RawMemory } from "../../memory/block.ts";
import { Pool } from "../../memory/pool.ts";
import type { Operand } from "./bindings.ts";
import { FAULT_BYTES, type Faults } from "./faults.ts";
import type { Recorder } from "./recorder.ts";

/** Limits that kernels respect: the adapter's, or lower ones that were asked for. */
export interface Limits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

/** What the adapter can do beyond the base. */
export interface Features {
  readonly subgroups: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly shaderF16: boolean;
  readonly timestamps: boolean;
  /** Whether the adapter runs on the CPU, where barriers and workgroup memory cost more than they bring. */
  readonly software: boolean;
}

/** Enough for the cores of a CPU to share them evenly. */
const SOFTWARE_STREAMS = 16;

/** What the emitters of kernels share: one device. */
export class Context {
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly features: Features;
  readonly faults: Faults;
  /** The flag of faults, as kernels that may set it bind it. */
  readonly flag: Operand;
  /** Memory for intermediate results. A block may be freed as soon as the commands that use it are recorded. */
  readonly scratch: Pool;
  /** The largest part of a block that is bound at once, in bytes. */
  readonly window: number;
  /** The kernel that copies a dtype. */
  readonly copyOf: (dtype: DType) => Compiled;
  /** Whether integer reductions for int64, which has 32 bits here, raise where they overflow. */
  checkOverflow: boolean = false;

  constructor(
    recorder: Recorder,
    limits: Limits,
    features: Features,
    faults: Faults,
    memory: RawMemory,
    copyOf: (dtype: DType) => Compiled,
  ) {
    this.recorder = recorder;
    this.limits = limits;
    this.features = features;
    this.faults = faults;
    this.flag = { storage: faults, layout: Layout.contiguous([FAULT_BYTES / 4]), dtype: int32 };
    this.copyOf = copyOf;
    this.scratch = new Pool(memory, "webgpu", 256);
    this.window = Math.max(256, Math.floor(limits.maxStorageBufferBindingSize / 256) * 256);
  }

  /** How many workgroups of one axis share `items` of work, `each` to a group; kernels go on in steps of all groups where that is not enough. */
  groups(items: number, each: number): number {
    return Math.max(1, Math.min(Math.ceil(items / each), this.limits.maxComputeWorkgroupsPerDimension));
  }

  /** `groups` for kernels that do little for each item: on an adapter that runs on the CPU a group costs more than a turn of its loop. */
  streams(items: number, each: number): number {
    const groups = this.groups(items, each);
    return this.features.software ? Math.min(groups, SOFTWARE_STREAMS) : groups;
  }
}

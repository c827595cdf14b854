import type { Architecture } from "./artifact.ts";
import { quoted } from "./quotation.ts";
import type { Version } from "./version.ts";

/** What an executable must be. */
export interface ExpectedBinary {
  readonly architecture: Architecture;
  readonly version: Version;
  /** Go variable that holds the version: `main.Version`, or `example.com/module/internal/version.Version`. */
  readonly versionVariable: string;
  /** Version of Go that must have built it, `go1.26.8`; any when absent. */
  readonly goVersion?: string;
}

/** What an ELF executable says about itself. */
export interface Executable extends Machine {
  /** Path of the dynamic linker, when it needs one. */
  readonly interpreter?: string;
  /** Whether it needs shared libraries. */
  readonly needsLibraries: boolean;
  /** What Go recorded about the build; absent when it is no Go program. */
  readonly build?: GoBuild;
}

/** The build information that Go puts into every executable; `go version -m` shows it. */
export interface GoBuild {
  /** `go1.26.8`. */
  readonly goVersion: string;
  /** Import path of the main package. */
  readonly path: string;
  /** Module that it belongs to. */
  readonly module: string;
  /** Version of that module; `(devel)` when it was built from a directory. */
  readonly moduleVersion: string;
  /** `GOARCH`, `GOOS`, `CGO_ENABLED`, `-trimpath` and so on. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A value that was read, or one sentence that says why it was not. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** What the header of an executable says about the machine that it is for. */
export interface Machine {
  /** `e_machine`. */
  readonly machine: number;
  /** Width of an address. */
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
}

/**
 * The machine of each architecture.
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html and the supplements of the newer processors
 */
export const MACHINES = {
  amd64: { machine: 62, bits: 64, littleEndian: true },
  arm64: { machine: 183, bits: 64, littleEndian: true },
  "386": { machine: 3, bits: 32, littleEndian: true },
  ppc64le: { machine: 21, bits: 64, littleEndian: true },
  riscv64: { machine: 243, bits: 64, littleEndian: true },
  s390x: { machine: 22, bits: 64, littleEndian: false },
  loong64: { machine: 258, bits: 64, littleEndian: true },
} as const satisfies Record<Architecture, Machine>;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const SHT_SYMTAB = 2;
/** A section without bytes in the file. */
const SHT_NOBITS = 8;
const STT_OBJECT = 1;

/**
 * All that is wrong with an executable, one sentence each; empty when it is a static Go program for the architecture
 * with exactly that version in it. Nothing is run, so any architecture can be examined on any machine.
 */
export function examineBinary(bytes: Uint8Array, expected: ExpectedBinary): string[] {
  const read = readExecutable(bytes);
  if (!read.ok) {
    return [read.problem];
  }
  const { value: executable } = read;
  return [
    ...machineProblems(executable, expected.architecture),
    ...linkProblems(executable),
    ...buildProblems(executable.build, expected),
    ...versionProblems(bytes, expected),
  ];
}

/** Reads what an ELF executable says about itself; never throws. */
export function readExecutable(bytes: Uint8Array): Reading<Executable> {
  return reading(() => {
    const elf = new Elf(bytes);
    const interpreter = elf.segments.find(({ type }) => type === PT_INTERP);
    const build = goBuild(elf);
    return {
      bits: elf.bits,
      littleEndian: elf.littleEndian,
      machine: elf.machine,
      ...(interpreter ? { interpreter: elf.text(interpreter.offset, interpreter.size).replace(/\0.*$/s, "") } : {}),
      needsLibraries: needsLibraries(elf),
      ...(build ? { build } : {}),
    };
  });
}

/** Reads the value of a Go string variable as it is when the program starts; needs the symbol table. Never throws. */
export function readGoString(bytes: Uint8Array, variable: string): Reading<string> {
  return reading(() => {
    const elf = new Elf(bytes);
    const symbols = elf.sections.find(({ type }) => type === SHT_SYMTAB);
    if (!symbols) {
      throw new Malformed("it has no symbol table (linked with -s?), so the embedded version cannot be checked");
    }
    const address = addressOf(elf, symbols, symbolName(variable));
    if (address === undefined) {
      throw new Malformed(
        `it has no string variable ${variable}, or never uses it; name the one that holds the version: pulumi config set versionVariable PACKAGE.NAME`,
      );
    }
    const header = elf.offsetOf(address, 2 * elf.word);
    const length = elf.address(header + elf.word);
    return length === 0 ? "" : elf.text(elf.offsetOf(elf.address(header), length), length);
  });
}

function machineProblems({ machine, bits, littleEndian }: Executable, architecture: Architecture): string[] {
  const expected: Machine = MACHINES[architecture];
  if (machine === expected.machine && bits === expected.bits && littleEndian === expected.littleEndian) {
    return [];
  }
  const found = Object.entries(MACHINES).find(
    ([, known]) => known.machine === machine && known.bits === bits && known.littleEndian === littleEndian,
  );
  const name = found?.[0] ?? `machine ${machine}, ${bits} bits, ${littleEndian ? "little" : "big"} endian`;
  return [`it is for ${name}, and must be for ${architecture}`];
}

function linkProblems({ interpreter, needsLibraries }: Executable): string[] {
  return [
    ...(interpreter === undefined ? [] : [`it is not statically linked: it needs the dynamic linker ${interpreter}`]),
    ...(needsLibraries ? ["it is not statically linked: it needs shared libraries"] : []),
  ];
}

function buildProblems(build: GoBuild | undefined, { architecture, goVersion }: ExpectedBinary): string[] {
  if (!build) {
    return ["it has no Go build information, so it is no Go program"];
  }
  const settings = { GOOS: "linux", GOARCH: architecture, CGO_ENABLED: "0", "-trimpath": "true" };
  return [
    ...(goVersion === undefined || build.goVersion === goVersion
      ? []
      : [`it was built with ${quoted(build.goVersion)}, and must be built with "${goVersion}"`]),
    ...Object.entries(settings).flatMap(([name, value]) =>
      build.settings[name] === value
        ? []
        : [`it was built with ${name}=${quoted(build.settings[name])}, and must be built with "${value}"`],
    ),
  ];
}

function versionProblems(bytes: Uint8Array, { version, versionVariable }: ExpectedBinary): string[] {
  const read = readGoString(bytes, versionVariable);
  if (!read.ok) {
    return [read.problem];
  }
  return read.value === version
    ? []
    : [`${versionVariable} in it is ${quoted(read.value, 200)}, and must be "${version}"`];
}

/** An input that is not what its headers say. */
class Malformed extends Error {}

function reading<T>(read: () => T): Reading<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof Malformed) {
      return { ok: false, problem: error.message };
    }
    throw error;
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  /** Bytes in the file. */
  readonly size: number;
}

interface Section {
  readonly type: number;
  readonly name: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** An ELF file; every read is checked against its end. */
class Elf {
  readonly bytes: Uint8Array;
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** Bytes in an address. */
  readonly word: 4 | 8;
  readonly machine: number;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  readonly #view: DataView;
  readonly #names: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 16 || this.#view.getUint32(0) !== 0x7f454c46) {
      throw new Malformed("it is not an ELF executable");
    }
    const [width, order] = [bytes[4], bytes[5]];
    if ((width !== 1 && width !== 2) || (order !== 1 && order !== 2)) {
      throw new Malformed("its ELF header is damaged");
    }
    this.bits = width === 2 ? 64 : 32;
    this.word = width === 2 ? 8 : 4;
    this.littleEndian = order === 1;
    this.machine = this.half(18);
    const wide = this.bits === 64;
    this.segments = this.#entries(wide ? 32 : 28, wide ? 54 : 42, wide ? 56 : 32, (at) => ({
      type: this.int(at),
      offset: this.address(at + (wide ? 8 : 4)),
      address: this.address(at + (wide ? 16 : 8)),
      size: this.address(at + (wide ? 32 : 16)),
    }));
    this.sections = this.#entries(wide ? 40 : 32, wide ? 58 : 46, wide ? 64 : 40, (at) => ({
      name: this.int(at),
      type: this.int(at + 4),
      offset: this.address(at + (wide ? 24 : 16)),
      size: this.address(at + (wide ? 32 : 20)),
      link: this.int(at + (wide ? 40 : 24)),
    }));
    this.#names = this.half(wide ? 62 : 50);
    for (const { offset, size } of [...this.segments, ...this.sections.filter(({ type }) => type !== SHT_NOBITS)]) {
      this.#within(offset, size);
    }
  }

  section(name: string): Section | undefined {
    const names = this.sections[this.#names];
    return names && this.sections.find((section) => this.isText(names.offset + section.name, name));
  }

  half(at: number): number {
    return this.#view.getUint16(this.#within(at, 2), this.littleEndian);
  }

  int(at: number): number {
    return this.#view.getUint32(this.#within(at, 4), this.littleEndian);
  }

  /** An address, an offset or a size: as wide as the file's class. */
  address(at: number): number {
    if (this.word === 4) {
      return this.int(at);
    }
    const value = this.#view.getBigUint64(this.#within(at, 8), this.littleEndian);
    // Kept a number: what lies beyond is in no file, and every use is checked against the end.
    return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  text(at: number, length: number): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      this.bytes.subarray(this.#within(at, length), at + length),
    );
  }

  /** Whether the zero-terminated text at this place is this one. */
  isText(at: number, text: string): boolean {
    const wanted = new TextEncoder().encode(`${text}\0`);
    return wanted.every((byte, index) => this.bytes[at + index] === byte);
  }

  /** Where the bytes at an address of the loaded program are in the file. */
  offsetOf(address: number, length: number): number {
    const segment = this.segments.find(
      ({ type, address: start, size }) => type === PT_LOAD && address >= start && address + length <= start + size,
    );
    if (!segment) {
      throw new Malformed("its symbol table points outside of the file");
    }
    return segment.offset + (address - segment.address);
  }

  // A table: where it starts, then the size of an entry and the number of entries beside each other in the header.
  #entries<T>(startAt: number, sizesAt: number, smallest: number, read: (at: number) => T): T[] {
    const [start, size, count] = [this.address(startAt), this.half(sizesAt), this.half(sizesAt + 2)];
    if (count > 0 && size < smallest) {
      throw new Malformed("its ELF header is damaged");
    }
    return Array.from({ length: count }, (_, index) => read(this.#within(start + index * size, size)));
  }

  #within(at: number, length: number): number {
    if (at + length > this.bytes.length) {
      throw new Malformed("it is cut off, or its headers are damaged");
    }
    return at;
  }
}

function needsLibraries(elf: Elf): boolean {
  return elf.segments
    .filter(({ type }) => type === PT_DYNAMIC)
    .some(({ offset, size }) => {
      for (let at = offset; at + 2 * elf.word <= offset + size; at += 2 * elf.word) {
        const tag = elf.address(at);
        if (tag === DT_NEEDED) {
          return true;
        }
        if (tag === 0) {
          return false;
        }
      }
      return false;
    });
}

// The symbol of a Go string variable is an object of two words: where the text is, and its length.
function addressOf(elf: Elf, symbols: Section, wanted: string): number | undefined {
  const names = elf.sections[symbols.link];
  if (!names) {
    throw new Malformed("its symbol table is damaged");
  }
  const wide = elf.bits === 64;
  const size = wide ? 24 : 16;
  for (let at = symbols.offset; at + size <= symbols.offset + symbols.size; at += size) {
    const name = elf.int(at);
    const kind = (elf.bytes[at + (wide ? 4 : 12)] ?? 0) & 0xf;
    const isString = kind === STT_OBJECT && elf.address(at + (wide ? 16 : 8)) === 2 * elf.word;
    if (isString && elf.isText(names.offset + name, wanted)) {
      return elf.address(at + (wide ? 8 : 4));
    }
  }
  return undefined;
}

/** The linker's name of a Go variable: dots in the last element of the import path are escaped. */
function symbolName(variable: string): string {
  const dot = variable.lastIndexOf(".");
  const [path, name] = [variable.slice(0, dot), variable.slice(dot)];
  const slash = path.lastIndexOf("/");
  return path.slice(0, slash + 1) + path.slice(slash + 1).replaceAll(".", "%2e") + name;
}

/** Reads `.go.buildinfo` in the form that Go writes since 1.18. Source: debug/buildinfo in Go's standard library. */
function goBuild(elf: Elf): GoBuild | undefined {
  const section = elf.section(".go.buildinfo");
  if (!section || elf.text(section.offset, 14) !== "\u{fffd} Go buildinf:") {
    return undefined;
  }
  const inline = ((elf.bytes[section.offset + 15] ?? 0) & 2) !== 0;
  if (!inline) {
    throw new Malformed("its Go build information is in the form of Go before 1.18");
  }
  const [goVersion, next] = prefixedText(elf, section.offset + 32);
  const [information] = prefixedText(elf, next);
  // 16 bytes before and after mark the text in the loaded program.
  const lines = information.raw.slice(16, -16);
  return { goVersion: goVersion.text, ...moduleFacts(new TextDecoder().decode(lines)) };
}

function prefixedText(elf: Elf, at: number): [{ raw: Uint8Array; text: string }, number] {
  let [length, shift, next] = [0, 0, at];
  for (;;) {
    const byte = elf.bytes[next++];
    if (byte === undefined || shift > 28) {
      throw new Malformed("its Go build information is damaged");
    }
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      break;
    }
    shift += 7;
  }
  const text = elf.text(next, length);
  return [{ raw: elf.bytes.subarray(next, next + length), text }, next + length];
}

function moduleFacts(text: string): Omit<GoBuild, "goVersion"> {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const first = (kind: string) => lines.find(([name]) => name === kind) ?? [];
  const settings = lines.flatMap(([kind, setting = ""]) => {
    const equals = setting.indexOf("=");
    return kind === "build" && equals > 0 ? [[setting.slice(0, equals), setting.slice(equals + 1)] as const] : [];
  });
  const [, path = ""] = first("path");
  const [, module = "", moduleVersion = ""] = first("mod");
  return { path, module, moduleVersion, settings: Object.fromEntries(settings) };
}

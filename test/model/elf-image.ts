import type { Machine } from "../../src/model/elf.ts";

/** An executable to be made. Only what the reader looks at is there. */
export interface Image extends Machine {
  readonly interpreter?: string;
  /** Tags of the dynamic section. */
  readonly dynamic?: readonly number[];
  /** Text of Go's build information; no section when absent. */
  readonly build?: { readonly goVersion: string; readonly information: string };
  /** String variables by the linker's name; no symbol table when absent. */
  readonly variables?: Readonly<Record<string, string>>;
}

const BASE = 0x400000;

/** Makes the bytes of a small ELF executable. */
export function elfImage(image: Image): Uint8Array {
  const wide = image.bits === 64;
  const word = wide ? 8 : 4;
  const out = new Writer(image.littleEndian);
  out.skip(wide ? 64 : 52);

  const interpreter = out.put(bytesOf(`${image.interpreter ?? ""}\0`));
  const dynamic = { offset: out.length, size: (image.dynamic ?? []).length * 2 * word };
  for (const tag of image.dynamic ?? []) {
    out.word(tag, word);
    out.word(1, word);
  }
  const build = out.put(buildInformation(image.build));

  const names = new Writer(image.littleEndian);
  names.skip(1);
  const symbols = new Writer(image.littleEndian);
  symbols.skip(wide ? 24 : 16);
  for (const [name, value] of Object.entries(image.variables ?? {})) {
    const text = out.put(bytesOf(value));
    const header = out.length;
    out.word(BASE + text.offset, word);
    out.word(text.size, word);
    const at = names.put(bytesOf(`${name}\0`)).offset;
    // STB_GLOBAL, STT_OBJECT
    if (wide) {
      symbols.int(at);
      symbols.put(Uint8Array.of(0x11, 0, 1, 0));
      symbols.word(BASE + header, 8);
      symbols.word(16, 8);
    } else {
      symbols.int(at);
      symbols.word(BASE + header, 4);
      symbols.int(8);
      symbols.put(Uint8Array.of(0x11, 0, 1, 0));
    }
  }
  const strings = out.put(names.bytes());
  const table = out.put(symbols.bytes());

  const sectionNames = "\0.shstrtab\0.go.buildinfo\0.symtab\0.strtab\0";
  const nameAt = (name: string) => sectionNames.indexOf(`\0${name}\0`) + 1;
  const section = (name: string, type: number, at: { offset: number; size: number }, link = 0) => ({
    name: nameAt(name),
    type,
    link,
    ...at,
  });
  const sections = [
    { name: 0, type: 0, link: 0, offset: 0, size: 0 },
    section(".shstrtab", 3, out.put(bytesOf(sectionNames))),
    section(".strtab", 3, strings),
    ...(image.variables ? [section(".symtab", 2, table, 2)] : []),
    ...(image.build ? [section(".go.buildinfo", 1, build)] : []),
  ];
  const segments = [
    { type: 1, offset: 0, size: out.length },
    ...(image.interpreter === undefined ? [] : [{ type: 3, ...interpreter }]),
    ...(image.dynamic === undefined ? [] : [{ type: 2, ...dynamic }]),
  ];

  const segmentsAt = out.length;
  for (const { type, offset, size } of segments) {
    out.int(type);
    if (wide) {
      out.int(5);
    }
    for (const value of [offset, BASE + offset, BASE + offset, size, size]) {
      out.word(value, word);
    }
    if (!wide) {
      out.int(5);
    }
    out.word(1, word);
  }
  const sectionsAt = out.length;
  for (const { name, type, offset, size, link } of sections) {
    out.int(name);
    out.int(type);
    for (const value of [0, 0, offset, size]) {
      out.word(value, word);
    }
    out.int(link);
    out.int(0);
    out.word(1, word);
    out.word(0, word);
  }
  return out.headed((header) => {
    header.put(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, image.littleEndian ? 1 : 2, 1));
    header.skip(9);
    header.half(2);
    header.half(image.machine);
    header.int(1);
    for (const value of [BASE, segmentsAt, sectionsAt]) {
      header.word(value, word);
    }
    header.int(0);
    for (const value of [wide ? 64 : 52, wide ? 56 : 32, segments.length, wide ? 64 : 40, sections.length, 1]) {
      header.half(value);
    }
  });
}

function buildInformation(build: Image["build"]): Uint8Array {
  if (!build) {
    return new Uint8Array();
  }
  const head = new Uint8Array(32);
  head.set([0xff, ...bytesOf(" Go buildinf:"), 8, 2]);
  const marked = [...new Uint8Array(16).fill(0xaa), ...bytesOf(build.information), ...new Uint8Array(16).fill(0xbb)];
  return Uint8Array.from([...head, ...prefixed([...bytesOf(build.goVersion)]), ...prefixed(marked)]);
}

function prefixed(bytes: readonly number[]): number[] {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      return [...length, rest, ...bytes];
    }
    length.push((rest & 0x7f) | 0x80);
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

class Writer {
  readonly #littleEndian: boolean;
  readonly #bytes: number[] = [];

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  get length(): number {
    return this.#bytes.length;
  }

  put(bytes: Uint8Array): { offset: number; size: number } {
    const offset = this.length;
    this.#bytes.push(...bytes);
    return { offset, size: bytes.length };
  }

  skip(count: number): void {
    this.put(new Uint8Array(count));
  }

  half(value: number): void {
    this.word(value, 2);
  }

  int(value: number): void {
    this.word(value, 4);
  }

  word(value: number, size: 2 | 4 | 8): void {
    const bytes = Array.from({ length: size }, (_, index) => Number((BigInt(value) >> BigInt(8 * index)) & 0xffn));
    this.#bytes.push(...(this.#littleEndian ? bytes : bytes.reverse()));
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  headed(write: (header: Writer) => void): Uint8Array {
    const header = new Writer(this.#littleEndian);
    write(header);
    const all = this.bytes();
    all.set(header.bytes());
    return all;
  }
}

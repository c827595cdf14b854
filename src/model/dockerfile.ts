import { quoted } from "./quotation.ts";

/**
 * Path of the program that an image starts, without the leading slash: `ENTRYPOINT ["/mount-monitor"]` → `mount-monitor`.
 * The last ENTRYPOINT counts, as in a build.
 *
 * @throws when there is none, or one in shell form: then nobody could compare the binary in the image with the one that was built
 * @see https://docs.docker.com/reference/dockerfile/#entrypoint
 */
export function entrypointOf(dockerfile: string): string {
  const lines = dockerfile.replace(/\\[ \t]*\r?\n/g, " ");
  const last = [...lines.matchAll(/^[ \t]*ENTRYPOINT[ \t]+(.*)$/gim)].at(-1)?.[1];
  const path = /^\[\s*"\/([^"\\\s]+)"/.exec(last ?? "")?.[1];
  if (path === undefined) {
    throw new Error(
      `Dockerfile.release has ${last === undefined ? "no ENTRYPOINT" : `the ENTRYPOINT ${quoted(last.trim())}`}; it must be ENTRYPOINT ["/program"], an absolute ` +
        "path in exec form, so that the binary in the image can be compared",
    );
  }
  return path;
}

/** The default Dockerfile, for a program of another name. */
export function dockerfileFor(binaryName: string, template: string): string {
  return template.replaceAll("mount-monitor", binaryName);
}

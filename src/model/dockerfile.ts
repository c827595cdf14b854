/**
 * Path of the program that an image starts, without the leading slash: `ENTRYPOINT ["/mount-monitor"]` → `mount-monitor`.
 * The last exec-form ENTRYPOINT counts, as in a build.
 *
 * @throws when there is none: then nobody could compare the binary in the image with the one that was built
 * @see https://docs.docker.com/reference/dockerfile/#entrypoint
 */
export function entrypointOf(dockerfile: string): string {
  const path = [...dockerfile.matchAll(/^\s*ENTRYPOINT\s+\[\s*"\/([^"\s]+)"/gim)].at(-1)?.[1];
  if (path === undefined) {
    throw new Error(
      'Dockerfile.release has no ENTRYPOINT ["/program"] with an absolute path in exec form; add one, so that the binary in the image can be compared',
    );
  }
  return path;
}

/** The default Dockerfile, for a program of another name. */
export function dockerfileFor(binaryName: string, template: string): string {
  return template.replaceAll("mount-monitor", binaryName);
}

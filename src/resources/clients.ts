import { githubOf as githubWith, registryOf as registryWith } from "../plan/connections.ts";
import type { GitHub } from "../services/github.ts";
import type { Registry } from "../services/registry.ts";
import { providerConfiguration } from "./dynamic.ts";

// One client each for this process: it keeps its token and the manifests that a digest names.
const registries = new Map<string, Promise<Registry>>();
const githubs = new Map<string, GitHub>();

/** The registry of an image, as a dynamic provider's process reaches it. */
export function registryOf(image: string): Promise<Registry> {
  const known = registries.get(image) ?? registryWith(image, providerConfiguration().get);
  registries.set(image, known);
  return known;
}

/** A repository on GitHub, as a dynamic provider's process reaches it. */
export function githubOf(repository: string): GitHub {
  const known = githubs.get(repository) ?? githubWith(repository, providerConfiguration().get);
  githubs.set(repository, known);
  return known;
}

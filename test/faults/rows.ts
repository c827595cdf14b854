import { githubScenarios } from "./rows/github.ts";
import { machineScenarios } from "./rows/machine.ts";
import { registryScenarios } from "./rows/registry.ts";
import { releaseScenarios } from "./rows/releases.ts";
import type { Scenario } from "./rows/scenario.ts";
import { settingsScenarios } from "./rows/settings.ts";
import { updateScenarios } from "./rows/updates.ts";

/** One scenario or more for each row of the fault matrix, in its order. */
export const scenarios: readonly Scenario[] = [
  ...registryScenarios,
  ...githubScenarios,
  ...releaseScenarios,
  ...settingsScenarios,
  ...updateScenarios,
  ...machineScenarios,
].sort((one, other) => one.row - other.row);

import * as pulumi from "@pulumi/pulumi";
import { Binaries } from "./src/components/binaries.ts";
import { Channels } from "./src/components/channels.ts";
import { ContainerImage } from "./src/components/image.ts";
import { Release } from "./src/components/release.ts";
import { Repository } from "./src/components/repository.ts";
import { nothingReleased, releaseOutputs } from "./src/outputs.ts";
import { completeFacts } from "./src/plan/candidate.ts";
import { connect } from "./src/plan/connections.ts";
import { nameSources, planRelease } from "./src/plan/release-plan.ts";
import { planRepository } from "./src/plan/repository-plan.ts";
import { stageSealed } from "./src/plan/sealed.ts";
import { orRefuse, reached, together } from "./src/refusal.ts";
import { readSettings } from "./src/settings.ts";

/** A software release as one stack update: settings → plan → binaries → image → release → channels. */
export default async function release(): Promise<Record<string, unknown>> {
  const settings = readSettings();
  const connections = await orRefuse(connect(settings));
  const [plan, kept] = await orRefuse(
    together(planRelease(settings, connections), planRepository(settings, connections)),
  );
  await nameSources(plan);
  if (settings.release.kind === "none") {
    pulumi.log.info(`this update makes no release: ${settings.release.reason}`);
  }

  const repository = new Repository("repository", { ...settings, ...connections, ...kept });
  if (plan.kind === "none") {
    return nothingReleased(plan.reason);
  }

  const binaries = new Binaries("binaries", plan);
  const facts = binaries.artifacts.apply((artifacts) =>
    orRefuse(
      plan.kind === "sealed"
        ? stageSealed(plan.facts, plan.sources)
        : completeFacts(plan.candidate, artifacts, settings, connections.registry),
    ),
  );
  await reached(facts);

  const image = new ContainerImage("image", { ...settings, ...connections, facts, sealed: plan.kind === "sealed" });
  await reached(repository.protection);
  const published = new Release("release", { ...settings, facts, after: image.manifest });
  new Channels("channels", { ...settings, ...plan, facts, after: published.ledger });

  return releaseOutputs(facts, plan.channels, settings, published);
}

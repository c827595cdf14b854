/**
 * What a run that a tag has started leaves out: the Repository component with all that is under it. The token of such a
 * run need not, and cannot, administer the repository. A pattern of the CLI's `--exclude`, which is `PULUMI_OPTION_EXCLUDE`
 * where no option can be given; unlike a full URN it may match nothing.
 * @see https://www.pulumi.com/docs/iac/cli/commands/pulumi_up/
 */
export const REPOSITORY_COMPONENT = "**mount-monitor:release:Repository**";

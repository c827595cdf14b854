/**
 * The REST API of a GitHub: a host of its own for github.com and ghe.com, a path of the same host everywhere else.
 * @see https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/about-github-enterprise-cloud-with-data-residency#api-access
 */
export function apiUrlOf(githubUrl = "https://github.com"): string {
  const { host, origin } = new URL(githubUrl);
  return host === "github.com" || host.endsWith(".ghe.com") ? `https://api.${host}` : `${origin}/api/v3`;
}

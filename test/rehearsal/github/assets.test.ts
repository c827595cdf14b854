import { createHash } from "node:crypto";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { attach, client, draft, FULL_NAME, github, REPOSITORY, refusal, TOKEN, told, upload } from "./fixture.ts";

const LIST = "GET /repos/{owner}/{repo}/releases/{release_id}/assets";
const GET = "GET /repos/{owner}/{repo}/releases/assets/{asset_id}";
const DELETE = "DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}";
const PATCH = "PATCH /repos/{owner}/{repo}/releases/assets/{asset_id}";
const NAME = "mount-monitor-linux-amd64";
const BYTES = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 255, 254, 10, 13]);
const SHA256 = createHash("sha256").update(BYTES).digest("hex");

test("an upload keeps the bytes and tells their size and digest", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  const response = await upload(release, NAME, BYTES);
  expect(response.status).toBe(201);
  expect(await response.json()).toMatchObject({
    name: NAME,
    state: "uploaded",
    size: BYTES.length,
    digest: `sha256:${SHA256}`,
    content_type: "application/octet-stream",
    download_count: 0,
  });
  expect(server.inspect.assetBytes(FULL_NAME, "v1.0.0", NAME)).toEqual(BYTES);
  const { data } = await client(server).request(LIST, { ...REPOSITORY, release_id: release.id });
  expect(data.map(({ name, digest }) => ({ name, digest }))).toEqual([{ name: NAME, digest: `sha256:${SHA256}` }]);
});

test("a download goes to another host, which needs no credential and sees none", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  await upload(release, NAME, BYTES);
  const { data } = await client(server).request(LIST, { ...REPOSITORY, release_id: release.id });
  const redirect = await fetch(data[0]?.url ?? "", {
    headers: { authorization: `Bearer ${TOKEN}`, accept: "application/octet-stream" },
    redirect: "manual",
  });
  expect(redirect.status).toBe(302);
  const location = redirect.headers.get("location") ?? "";
  expect(location).toMatch(new RegExp(`^${server.storageUrl}/assets/\\d+\\?sig=[0-9a-f]{64}$`));
  expect(new URL(location).host).not.toBe(new URL(server.url).host);

  expect(Buffer.from(await (await fetch(location)).arrayBuffer())).toEqual(BYTES);
  expect(server.history.at(-1)).toMatchObject({ surface: "storage", credential: false, status: 200 });
  await fetch(location, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(server.history.at(-1)).toMatchObject({ surface: "storage", credential: true });
  expect((await fetch(location.replace(/sig=.*/, "sig=0"))).status).toBe(403);
});

test("the JSON of one asset comes without that Accept header", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  const { id } = await attach(release, NAME, BYTES);
  const { data } = await client(server).request(GET, { ...REPOSITORY, asset_id: id });
  expect(data).toMatchObject({ id, size: BYTES.length });
  expect(await refusal(client(server).request(GET, { ...REPOSITORY, asset_id: 7 }))).toMatchObject({ status: 404 });
});

test("browsers download published assets only, without credentials", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  const { browser_download_url: hidden } = await attach(release, NAME, BYTES);
  expect(hidden).toContain("/releases/download/untagged-");
  const address = `${server.url}/${FULL_NAME}/releases/download/v1.0.0/${NAME}`;
  expect((await fetch(address)).status).toBe(404);
  expect((await fetch(hidden)).status).toBe(404);
  await client(server).request("PATCH /repos/{owner}/{repo}/releases/{release_id}", {
    ...REPOSITORY,
    release_id: release.id,
    draft: false,
  });
  for (const url of [address, `${server.url}/${FULL_NAME}/releases/latest/download/${NAME}`]) {
    expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(BYTES);
  }
  expect((await fetch(`${address}.sig`)).status).toBe(404);
});

test("a name can be used once, and again after its asset is deleted", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  const first = await attach(release, NAME, BYTES);
  const second = await upload(release, NAME, "other");
  expect(second.status).toBe(422);
  expect(await second.json()).toMatchObject({
    message: "Validation Failed",
    errors: [{ resource: "ReleaseAsset", code: "already_exists", field: "name" }],
  });
  expect(server.inspect.assetBytes(FULL_NAME, "v1.0.0", NAME)).toEqual(BYTES);
  await client(server).request(DELETE, { ...REPOSITORY, asset_id: first.id });
  expect((await upload(release, NAME, "other")).status).toBe(201);
  expect(server.inspect.assetBytes(FULL_NAME, "v1.0.0", NAME).toString()).toBe("other");
});

test("names are cleaned, renaming refuses a name that is taken", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  const { id, name } = await attach(release, ".my file (1).txt", "a");
  expect(name).toBe("my.file.1.txt");
  await upload(release, "b", "b");
  expect(await refusal(client(server).request(PATCH, { ...REPOSITORY, asset_id: id, name: "b" }))).toMatchObject({
    status: 422,
  });
  const { data } = await client(server).request(PATCH, { ...REPOSITORY, asset_id: id, name: "c", label: "C" });
  expect(data).toMatchObject({ name: "c", label: "C" });
});

test("an upload without a length, a name, bytes, permission or release is refused and leaves nothing", async () => {
  const server = await github();
  server.addToken("reader", "reader", "pull");
  const release = await draft(server, { tag_name: "v1.0.0" });
  const chunked = await fetch(release.upload_url.replace("{?name,label}", "?name=a"), {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: new Blob(["abc"]).stream(),
    duplex: "half",
  });
  expect(await told(chunked)).toEqual([400, "Bad Content-Length: "]);
  expect((await upload(release, "", "x")).status).toBe(422);
  expect((await upload(release, "a", "")).status).toBe(422);
  expect((await upload(release, "a", "x", "nobody")).status).toBe(401);
  expect((await upload(release, "a", "x", "reader")).status).toBe(403);
  expect((await upload({ upload_url: release.upload_url.replace(/\d+\/assets/, "7/assets") }, "a", "x")).status).toBe(
    404,
  );
  expect(server.inspect.releases(FULL_NAME)[0]?.assets).toEqual([]);
});

test("an immutable release takes no upload, no deletion, no renaming", async () => {
  const server = await github();
  await client(server).request("PUT /repos/{owner}/{repo}/immutable-releases", REPOSITORY);
  const release = await draft(server, { tag_name: "v1.0.0" });
  const { id } = await attach(release, NAME, BYTES);
  await client(server).request("PATCH /repos/{owner}/{repo}/releases/{release_id}", {
    ...REPOSITORY,
    release_id: release.id,
    draft: false,
  });
  const late = await upload(release, "late", "x");
  expect(await told(late)).toEqual([422, "Cannot upload assets to an immutable release."]);
  expect(await refusal(client(server).request(DELETE, { ...REPOSITORY, asset_id: id }))).toMatchObject({
    status: 422,
    errors: [{ resource: "ReleaseAsset", code: "custom", message: "Cannot delete asset from an immutable release" }],
  });
  expect(await refusal(client(server).request(PATCH, { ...REPOSITORY, asset_id: id, name: "x" }))).toMatchObject({
    status: 422,
  });
  expect(server.inspect.assetBytes(FULL_NAME, "v1.0.0", NAME)).toEqual(BYTES);
});

test("a client that hangs up in the middle leaves a starter, which takes the name until it is deleted", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1.0.0" });
  const url = new URL(release.upload_url.replace("{?name,label}", `?name=${NAME}`));
  await new Promise<void>((done) => {
    const socket = connect(Number(url.port), "127.0.0.1", () => {
      const head = [
        `POST ${url.pathname}${url.search} HTTP/1.1`,
        "Host: github",
        `Authorization: Bearer ${TOKEN}`,
        "Content-Type: application/octet-stream",
        "Content-Length: 1000",
      ];
      socket.write(`${head.join("\r\n")}\r\n\r\nhalf`, () => socket.destroy());
    });
    socket.on("close", () => done());
  });
  await expect.poll(() => server.inspect.releases(FULL_NAME)[0]?.assets.length).toBe(1);
  const { data } = await client(server).request(LIST, { ...REPOSITORY, release_id: release.id });
  expect(data).toMatchObject([{ name: NAME, state: "starter", size: 0, digest: null }]);
  expect((await upload(release, NAME, BYTES)).status).toBe(422);
  await client(server).request(DELETE, { ...REPOSITORY, asset_id: data[0]?.id ?? 0 });
  expect((await upload(release, NAME, BYTES)).status).toBe(201);
});

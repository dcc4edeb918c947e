// Every call of Infisical's `@infisical/sdk`, unchanged, against the server that the file in the first argument describes.

import { DynamicSecretProviders, EncryptionAlgorithm, InfisicalSDK, KeyUsage, SigningAlgorithm } from "@infisical/sdk";

import { calling, must, uncalled, world } from "../outcome.mjs";

const { project: projectId, project_slug: slug, environment } = world;

// The client's errors have the status in their text only.
function answered(error) {
  const [, status, body] = /^\[URL=.*?\] \[Method=.*?\] \[StatusCode=(\d+)\] (.*)$/s.exec(error?.message) ?? [];
  return status && { status: Number(status), body };
}

const call = (name, ask) => calling(name, answered, ask);
const fresh = () => new InfisicalSDK({ siteUrl: world.url });
const client = fresh().auth().accessToken(world.token);

async function refused(ask) {
  try {
    await ask();
  } catch (error) {
    return must([400, 404, 409, 422].includes(answered(error)?.status), error.message);
  }
  must(false, "no error");
}

async function logins() {
  let known;
  await call("auth.universalAuth.login", async () => {
    known = await fresh().auth().universalAuth.login({ clientId: world.client_id, clientSecret: world.client_secret });
    await known.kms().keys().getByName({ projectId, name: "signer" });
  });
  await call("auth.universalAuth.renew", async () => {
    const renewed = await known.auth().universalAuth.renew();
    await renewed.kms().keys().getByName({ projectId, name: "signer" });
  });
  await call("auth.awsIamAuth.login", () => fresh().auth().awsIamAuth.login({ identityId: world.identity }));
  await call("auth.awsIamAuth.renew", () => fresh().auth().accessToken(world.token).auth().awsIamAuth.renew());
  await call("auth.accessToken", async () => {
    const made = fresh().auth().accessToken(world.token);
    await made.kms().keys().create({ name: "node-known", projectId, keyUsage: KeyUsage.ENCRYPTION, encryptionAlgorithm: EncryptionAlgorithm.AES_256_GCM });
  });
}

async function keys() {
  const plaintext = Buffer.from("hello").toString("base64");
  let sealed;
  // An HSM may take longer for a pair of RSA_4096 than the client waits: there is one already.
  const made = { RSA_4096: world.rsa_key };
  for (const algorithm of Object.values(EncryptionAlgorithm).filter((one) => one !== "RSA_4096")) {
    const signs = !algorithm.startsWith("aes");
    await call(`kms.keys.create ${algorithm}`, async () => {
      const key = await client.kms().keys().create({
        name: `node-${algorithm.toLowerCase().replaceAll("_", "-")}`, description: "by Node", projectId,
        keyUsage: signs ? KeyUsage.SIGNING : KeyUsage.ENCRYPTION, encryptionAlgorithm: algorithm,
      });
      made[algorithm] = key.id;
      must(key.encryptionAlgorithm === algorithm && key.projectId === projectId && key.orgId !== undefined && key.isDisabled === false, key);
    });
  }
  const keyId = made["aes-256-gcm"];
  await call("kms.keys.getByName", async () => {
    const key = await client.kms().keys().getByName({ projectId, name: "node-aes-256-gcm" });
    must(key.id === keyId, key);
  });
  await call("kms.encryption.encrypt", async () => {
    sealed = await client.kms().encryption().encrypt({ keyId, plaintext });
    must(sealed && sealed !== plaintext, sealed);
  });
  await call("kms.encryption.decrypt", async () => {
    const found = await client.kms().encryption().decrypt({ keyId, ciphertext: sealed });
    must(found === plaintext, found);
  });
  for (const signingAlgorithm of Object.values(SigningAlgorithm)) {
    const signer = made[signingAlgorithm.startsWith("ECDSA") ? "ECC_NIST_P256" : "RSA_4096"];
    let signature;
    await call(`kms.signing.sign ${signingAlgorithm}`, async () => {
      const found = await client.kms().signing().sign({ keyId: signer, data: plaintext, signingAlgorithm, isDigest: false });
      must(found.keyId === signer && found.signingAlgorithm === signingAlgorithm && found.signature, found);
      ({ signature } = found);
    });
    await call(`kms.signing.verify ${signingAlgorithm}`, async () => {
      const found = await client.kms().signing().verify({ keyId: signer, data: plaintext, signature, signingAlgorithm });
      must(found.signatureValid === true && found.keyId === signer && found.signingAlgorithm === signingAlgorithm, found);
    });
  }
  await call("kms.signing.listSigningAlgorithms", async () => {
    const found = await client.kms().signing().listSigningAlgorithms({ keyId: made.RSA_4096 });
    must(found.length === 6, found);
  });
  await call("kms.signing.getPublicKey", async () => {
    const found = await client.kms().signing().getPublicKey({ keyId: made.RSA_4096 });
    must(Buffer.from(found, "base64").length > 500, found);
  });
  await call("kms.keys.delete", async () => {
    const key = await client.kms().keys().delete({ keyId });
    must(key.id === keyId, key);
    await refused(() => client.kms().encryption().decrypt({ keyId, ciphertext: sealed }));
  });
}

async function secrets() {
  const ours = { projectId, environment, secretPath: "/" };
  await call("secrets.createSecret", async () => {
    const { secret } = await client.secrets().createSecret("NODE_ONE", { ...ours, secretValue: "one", secretComment: "first" });
    must(secret.secretKey === "NODE_ONE" && secret.version === 1 && secret.id, secret);
    await client.secrets().createSecret("NODE_TWO", { ...ours, type: "shared", secretValue: "${NODE_ONE}-two" });
  });
  await call("secrets.createSecret without a path", () =>
    client.secrets().createSecret("NODE_BARE", { projectId, environment, secretValue: "bare" }));
  await call("secrets.createSecret personal", () =>
    client.secrets().createSecret("NODE_OWN", { ...ours, type: "personal", secretValue: "own" }));
  await call("secrets.getSecret", async () => {
    const found = await client.secrets().getSecret({ ...ours, secretName: "NODE_TWO" });
    must(found.secretValue === "one-two" && found.environment === environment && found.secretValueHidden === false, found);
  });
  await call("secrets.getSecret unexpanded", async () => {
    const found = await client.secrets().getSecret({ ...ours, secretName: "NODE_TWO", expandSecretReferences: false, includeImports: true, type: "shared" });
    must(found.secretValue === "${NODE_ONE}-two", found);
  });
  await call("secrets.getSecret hidden", async () => {
    const found = await client.secrets().getSecret({ ...ours, secretName: "NODE_ONE", viewSecretValue: false });
    must(found.secretValueHidden === true && found.secretValue !== "one", found);
  });
  await call("secrets.updateSecret", async () => {
    const { secret } = await client.secrets().updateSecret("NODE_ONE", { ...ours, secretValue: "other", metadata: { team: "red" } });
    must(secret.version === 2, secret);
  });
  await call("secrets.getSecret version", async () => {
    const found = await client.secrets().getSecret({ ...ours, secretName: "NODE_ONE", version: 1 });
    must(found.secretValue === "one", found);
  });
  await call("secrets.updateSecret newSecretName", async () => {
    await client.secrets().updateSecret("NODE_ONE", { ...ours, newSecretName: "NODE_RENAMED" });
    const found = await client.secrets().getSecret({ ...ours, secretName: "NODE_RENAMED" });
    must(found.secretValue === "other", found);
  });
  await call("secrets.listSecrets", async () => {
    const { secrets } = await client.secrets().listSecrets(ours);
    must(secrets.some((one) => one.secretKey === "NODE_RENAMED" && one.secretValue === "other"), secrets);
  });
  await call("secrets.listSecrets recursive, into the environment", async () => {
    await client.secrets().listSecrets({ ...ours, recursive: true, attachToProcessEnv: true, tagSlugs: [] });
    must(process.env.NODE_RENAMED === "other", process.env.NODE_RENAMED);
  });
  await call("secrets.listSecretsWithImports", async () => {
    const found = await client.secrets().listSecretsWithImports(ours);
    must(found.some((one) => one.secretKey === "NODE_RENAMED"), found);
  });
  await call("secrets.deleteSecret", async () => {
    const { secret } = await client.secrets().deleteSecret("NODE_RENAMED", ours);
    must(secret.secretKey === "NODE_RENAMED", secret);
    await refused(() => client.secrets().getSecret({ ...ours, secretName: "NODE_RENAMED" }));
  });
}

async function projects() {
  await call("folders.create", async () => {
    const folder = await client.folders().create({ name: "node", path: "/", projectId, environment, description: "by Node" });
    must(folder.id && folder.name === "node", folder);
  });
  await call("folders.listFolders", async () => {
    const found = await client.folders().listFolders({ projectId, environment, path: "/", recursive: true });
    must(found.some((one) => one.name === "node"), found);
  });
  const administrator = fresh().auth().accessToken(world.administrator_token);
  await call("projects.create", async () => {
    const project = await administrator.projects().create({ projectName: "Node's own", type: "secret-manager", projectDescription: "by Node", slug: "node-own" });
    must(project.id && project.slug === "node-own", project);
  });
  await call("projects.inviteMembers", () =>
    administrator.projects().inviteMembers({ projectId, emails: ["alice@example.com"], roleSlugs: ["member"] }));
  await call("environments.create", async () => {
    const made = await administrator.environments().create({ name: "From Node", projectId, slug: "from-node", position: 1 });
    must(made.slug === "from-node" && made.id, made);
  });
}

async function dynamic() {
  const ours = { projectSlug: slug, environmentSlug: environment, path: "/" };
  const { dynamicSecrets } = client;
  const provider = { type: DynamicSecretProviders.SqlDatabase, inputs: { client: "postgres", host: "db", port: 5432 } };
  await call("dynamicSecrets.create", () => dynamicSecrets().create({ ...ours, name: "db", provider, defaultTTL: "1h", maxTTL: "1d" }));
  await call("dynamicSecrets.delete", () => dynamicSecrets().delete("db", { ...ours, isForced: true }));
  await call("dynamicSecrets.leases.create", () => dynamicSecrets().leases.create({ ...ours, dynamicSecretName: "db", ttl: "1h" }));
  await call("dynamicSecrets.leases.renew", () => dynamicSecrets().leases.renew("lease", { ...ours, ttl: "1h" }));
  await call("dynamicSecrets.leases.delete", () => dynamicSecrets().leases.delete("lease", { ...ours, isForced: true }));
}

// The names of the calls of the client and its parts. A part is made by calling it, as in kms().keys().
function* offered(part, prefix) {
  const prototype = Object.getPrototypeOf(part);
  const shared = prototype === Object.prototype ? [] : Object.getOwnPropertyNames(prototype);
  for (const name of [...shared, ...Object.keys(part)]) {
    if (["constructor", "apiClient", "sdkAuthenticator", "_accessToken"].includes(name)) continue;
    if (["keys", "encryption", "signing"].includes(name)) yield* offered(part[name](), `${prefix}${name}.`);
    else if (typeof part[name] === "function") yield `${prefix}${name}`;
    else if (part[name] && typeof part[name] === "object") yield* offered(part[name], `${prefix}${name}.`);
  }
}

await logins();
await keys();
await secrets();
await projects();
await dynamic();
const parts = ["auth", "secrets", "kms", "folders", "projects", "environments", "dynamicSecrets"];
const names = parts.flatMap((part) => [...offered(client[part](), `${part}.`)]);
uncalled(names.filter((name) => name !== "auth.getAccessToken"));

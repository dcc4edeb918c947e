// Every call of Piiano's `@piiano/vault-client`, unchanged, against the server that the file in the first argument describes.

import vault from "@piiano/vault-client";

import { calling, must, world } from "../outcome.mjs";

const client = new vault.VaultClient({ vaultURL: world.url, apiKey: world.vault_jwt });

const answered = (error) => error?.status && { status: error.status, body: JSON.stringify(error.body) };

// What the answers of the calls that are served must hold.
const served = {
  "system.dataHealth": (found) => found.status === "pass",
  "system.controlHealth": (found) => found.status === "pass",
  "system.getVaultVersion": (found) => found.vault_id && found.vault_version && found.db_schema_version,
  "iam.getIamConf": (found) => found.includes("[idps.app1]") && found.includes("VaultAdminRole"),
};

// The client sends of these what a call has a place for.
const values = {
  collection: "people", property: "email", id: "00000000-0000-0000-0000-000000000000", ids: [], reason: "AppFunctionality", action: "act",
  bundle: "code", name: "log.level", type: "EMAIL", user: "alice", prop: "email", tokenIds: ["token"], props: ["email"], options: [], pageSize: 10,
};

// The configuration is a text; what else has a body has JSON.
const body = (name) => (name === "iam.setIamConf" ? "[users]\n" : {});

const parts = Object.keys(client).filter((name) => name !== "request");
for (const part of parts) {
  const calls = Object.getOwnPropertyNames(Object.getPrototypeOf(client[part])).filter((name) => name !== "constructor");
  for (const call of calls) {
    const name = `${part}.${call}`;
    await calling(name, answered, async () => {
      const found = await client[part][call]({ ...values, requestBody: body(name) });
      must(served[name]?.(found), found);
    });
  }
}

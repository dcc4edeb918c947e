// The example of Hanzo's document with its placeholders filled in: `axios`, unchanged.

import axios from "axios";

import { calling, must, world } from "../outcome.mjs";

const answered = (error) => error?.response && { status: error.response.status, body: JSON.stringify(error.response.data) };

const { jwt, identity: identityId, url: kmsUrl } = world;
await calling("axios.post jwt-auth/login", answered, async () => {
  const { data } = await axios.post(`${kmsUrl}/api/v1/auth/jwt-auth/login`, { identityId, jwt });
  must(data.accessToken && data.tokenType === "Bearer" && data.expiresIn > 0, data);
});

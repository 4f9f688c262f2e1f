import http from "k6/http";
import { check } from "k6";

// Bodies are kept only where something looks at them, which here is everywhere.
export const options = { userAgent: "@AGENT@" };
const credentials = '{"username":"user-0001","password":"password-0001"}';
const json = { headers: { "Content-Type": "application/json" } };
const checks = {
  "status is 200": (r) => r.status === 200,
  "in stock": (r) => r.body.includes('"in_stock":true'),
};

export default function () {
  const token = http.post("@URL@/token", credentials, json).json("access_token");
  const bearer = { headers: { Authorization: `Bearer ${token}` } };
  for (const path of ["/json/1", "/json/2", "/json/3"]) check(http.get(`@URL@${path}`, bearer), checks);
}

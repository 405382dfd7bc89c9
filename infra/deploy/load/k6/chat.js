// k6: conversations by text over HTTP.  k6 run --vus 20 --duration 1m -e DOOR=http://localhost:8030 infra/deploy/load/k6/chat.js
import http from "k6/http";
import { check, sleep } from "k6";

const DOOR = __ENV.DOOR || "http://localhost:8030";
const QUESTIONS = ["Hello! Who are you?", "What can you do for me?", "And what is that good for?", "Thank you."];
const JSON_BODY = { headers: { "Content-Type": "application/json" } };

export const options = { thresholds: { http_req_failed: ["rate<0.01"] } };

export default function () {
  const session = {};
  for (const text of QUESTIONS) {
    const answer = http.post(`${DOOR}/chat`, JSON.stringify({ text, ...session }), JSON_BODY);
    if (!check(answer, { answered: (it) => it.status === 200 })) return;
    const { session_id, resume_token } = answer.json();
    session.session_id = session_id;
    session.resume_token = session.resume_token || resume_token;
    sleep(1);
  }
  const headers = { Authorization: `Bearer ${session.resume_token}` };
  http.post(`${DOOR}/sessions/${session.session_id}/close`, null, { headers });
}

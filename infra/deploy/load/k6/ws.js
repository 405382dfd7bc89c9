// k6: calls at /ws that type.  k6 run --vus 20 --duration 1m -e DOOR=ws://localhost:8030 infra/deploy/load/k6/ws.js
import ws from "k6/ws";
import { check } from "k6";
import { Trend } from "k6/metrics";

const DOOR = __ENV.DOOR || "ws://localhost:8030";
const QUESTIONS = ["Hello! Who are you?", "What can you do for me?", "Thank you."];
const firstSound = new Trend("first_sound", true);
const answerHeard = new Trend("answer_heard", true);

export default function () {
  const left = [...QUESTIONS];
  let asked = 0;
  let silent = true;
  let reply = "";
  const ended = ws.connect(`${DOOR}/ws`, {}, (socket) => {
    const say = (message) => socket.send(JSON.stringify(message));
    const next = () => {
      if (!left.length) return say({ type: "hangup" });
      asked = Date.now();
      silent = true;
      say({ type: "text", id: `${__VU}-${__ITER}-${left.length}`, text: left.shift() });
    };
    socket.on("open", () => say({ type: "hello", mic: false }));
    socket.on("binaryMessage", () => {
      if (silent) firstSound.add(Date.now() - asked);
      silent = false;
    });
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.type === "welcome") next();
      if (message.type === "error") socket.close();
      if (message.type === "reply_end") {
        reply = message.reply_id;
        // There is no loudspeaker: it is played at once.
        say({ type: "played", reply_id: reply, samples: message.samples, started: true, ended: true });
      }
      if (message.name === "PlaybackFinished" && message.data.reply_id === reply) {
        answerHeard.add(Date.now() - asked);
        next();
      }
    });
    socket.setTimeout(() => socket.close(), 60000);
  });
  check(ended, { connected: (it) => it && it.status === 101 });
}

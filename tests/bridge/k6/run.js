// node run.js SCRIPT DOOR: one iteration of one user; prints what came of it.
import { seen } from "./k6.js";

const [script, door] = process.argv.slice(2);
Object.assign(globalThis, { __ENV: { DOOR: door }, __VU: 1, __ITER: 0 });
const { default: iterate } = await import(script);
iterate();
await seen.open;
console.log(JSON.stringify(seen));

// What the programs share that manage templates, flows, profiles and numbers: their
// settings, and the control API of the simulator.
const { META_TOKEN: token, META_APP: app, META_WABA: account, META_PHONE: phone, META_CONNECTED: connected, CONTROL_URL: control, FLOW: flow } = process.env;

export const settings = { token, app, account, phone, connected, flow };

// code returns the code that was sent to a phone number.
export async function code(id) {
  const response = await fetch(`${control}/numbers/${id}`);
  return (await response.json()).code;
}

// run calls each function and prints what they return, by name: one JSON object.
// Each sees the earlier results.
export async function run(calls) {
  const results = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      results[name] = await call(results) ?? null;
    } catch (error) {
      throw new Error(`${name}: ${error.message ?? JSON.stringify(error)} ${JSON.stringify(error.response?.data ?? error.response ?? error.raw ?? {})}`, { cause: error });
    }
  }
  console.log(JSON.stringify(results));
}

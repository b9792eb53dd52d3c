// A CI job's identity token as npm's @actions/core gets it: the last line of standard output.
import { getIDToken } from "@actions/core";

console.log(await getIDToken(process.argv[2]));

// How a program connects to this bridge, to copy.
import { callUrl, rootUrl, socketUrl } from "./place";

export const snippets = (): { name: string; text: string }[] => [
  {
    name: "JavaScript",
    text: `import { ZwsClient } from "${rootUrl("/client.mjs")}";\n\nconst client = new ZwsClient("${socketUrl()}", { token });\nclient.subscribe("import:task-123", { last: 1, onEvent: (event) => console.log(event.data) });`,
  },
  {
    name: "Python",
    text: `from zwsbridge import subscribe  # pip install './publishers/python[subscribe]'\n\nasync for event in subscribe("${socketUrl()}", "import:task-123", token=token):\n    print(event.message["data"])`,
  },
  { name: "zws", text: `ZWS_URL=${socketUrl()} zws sub 'import:*' --token "$TOKEN"` },
  { name: "curl", text: `curl -sS ${callUrl("/publish")} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n  -d '{"topic":"import:task-123","message":{"type":"import_progress","data":{"progress":68}}}'` },
];

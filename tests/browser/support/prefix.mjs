// A proxy that serves a bridge under a prefix and takes it away from what it passes on.
import { createServer, get } from "node:http";
import { connect } from "node:net";

export async function underPrefix(prefix, bridge) {
  const { port } = new URL(bridge.url);
  const pathOf = (request) => request.url.slice(prefix.length);
  const server = createServer((request, response) => {
    get({ host: "127.0.0.1", port, path: pathOf(request), headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
  });
  server.on("upgrade", (request, client) => {
    const lines = request.rawHeaders.flatMap((name, i, all) => (i % 2 ? [] : [`${name}: ${all[i + 1]}`]));
    const socket = connect(port, "127.0.0.1");
    for (const end of [socket, client]) end.on("error", () => end.destroy());
    socket.write([`GET ${pathOf(request)} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
    socket.pipe(client).pipe(socket);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    stop: () => void server.close(), // what is open ends with its page
  };
}

// Topics as a tree, by the segments between `.`, `:` and `/`. A node's figures are the sums of what is below it.
import type { TopicLoad } from "./shapes";

export interface TopicNode {
  /** What the node adds to those above it, with the sign before it: `.eur`. */
  label: string;
  /** The whole name down to here. */
  path: string;
  /** The topic of this very name, if there is one. */
  topic: TopicLoad | null;
  children: TopicNode[];
  topics: number;
  rate: number;
  events: number;
}

export function topicTree(topics: TopicLoad[]): TopicNode[] {
  const root: TopicNode = { label: "", path: "", topic: null, children: [], topics: 0, rate: 0, events: 0 };
  const byPath = new Map<string, TopicNode>([["", root]]);
  for (const topic of topics) {
    let node = root;
    for (const label of topic.topic.match(/[.:/]?[^.:/]+|[.:/]/g) ?? []) {
      const path = node.path + label;
      let child = byPath.get(path);
      if (!child) {
        child = { label, path, topic: null, children: [], topics: 0, rate: 0, events: 0 };
        byPath.set(path, child);
        node.children.push(child);
      }
      child.topics++;
      // A pattern is no topic of its own: what comes by it is counted where it came.
      if (!topic.pattern) [child.rate, child.events] = [child.rate + topic.rate, child.events + topic.events];
      node = child;
    }
    node.topic = topic;
  }
  for (const node of [...byPath.values()].reverse()) node.children = node.children.map(joined); // what is below first
  return root.children;
}

/** A node that only leads to one other is drawn as one with it. */
function joined(node: TopicNode): TopicNode {
  let at = node;
  let label = node.label;
  while (at.topic === null && at.children.length === 1) {
    at = at.children[0]!;
    label += at.label;
  }
  return at === node ? node : { ...at, label };
}

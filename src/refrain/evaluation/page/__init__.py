"""One page about runs, to publish or to send: a single HTML file that asks nothing of the network, or Markdown."""

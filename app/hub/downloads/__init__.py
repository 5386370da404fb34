"""Downloads that go on after anything: the queue, the process that downloads, its transfers."""

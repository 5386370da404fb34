"""What models exist and which are on this machine; knows the network and folders, not Qt."""

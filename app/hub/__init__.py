"""What can be downloaded: the catalogue, the hubs, the downloads; knows no Qt and no library."""

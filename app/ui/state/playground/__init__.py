"""The playground's documents as the window knows them: text in pieces, versions, writing."""

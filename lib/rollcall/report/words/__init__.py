"""What is said in words: a run's sentences, its notices and facts, what there is to choose from."""

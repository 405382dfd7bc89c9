"""What an agent is: its instructions, its tools and how it speaks. Importing it imports no engine and no LangChain."""
